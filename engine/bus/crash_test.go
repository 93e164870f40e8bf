package bus_test

const envChild = "DMG_TEST_BUS_CHILD"

func childBroker(string) {}
