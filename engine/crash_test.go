package engine

const childData = "DMG_TEST_ENGINE_CHILD"

func childMain() {}
