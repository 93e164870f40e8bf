package main

import (
	"os"
	"testing"
)

func TestThePageIsThatOfTheTables(t *testing.T) {
	t.Parallel()
	want, err := render()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../assets/help/index.html")
	if err != nil || string(got) != string(want) {
		t.Errorf("assets/help/index.html is not what the tables say: run go generate ./engine/help (%v)", err)
	}
}
