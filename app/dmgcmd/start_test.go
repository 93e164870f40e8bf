package main

import (
	"strings"
	"testing"
)

func TestTheFirstStepFindsDataDirectoryAndCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args, data string
		runs       bool
	}{
		{"run", "", true},
		{"--data /x run", "/x", true},
		{"run --data=/x", "/x", true},
		{"--json --data /x status", "/x", false},
		{"--data run status", "run", false},
		{"copy run", "", false},
		{"-- run", "", false},
		{"--data", "", false},
		{"", "", false},
	} {
		if data, runs := wordsOf(strings.Fields(test.args)); data != test.data || runs != test.runs {
			t.Errorf("%q: %q, %v", test.args, data, runs)
		}
	}
}
