package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestOnlyWinesTidyingUpIsForgiven(t *testing.T) {
	t.Parallel()
	const wine = "    testing.go:1464: TempDir RemoveAll cleanup: unlinkat C:\\x: Invalid function.\n"
	for _, test := range []struct {
		name string
		said []said
		good bool
	}{
		{"passed", []said{{"pass", "p", "TestA", ""}, {"pass", "p", "", ""}}, true},
		{"nothing ran", nil, false},
		{"only skipped", []said{{"skip", "p", "TestA", ""}}, false},
		{"tidying up", []said{{"output", "p", "TestA", wine}, {"output", "p", "TestA", "--- FAIL: TestA (0.01s)\n"}, {"fail", "p", "TestA", ""}, {"fail", "p", "", ""}}, true},
		{"tidying up and more", []said{{"output", "p", "TestA", wine}, {"output", "p", "TestA", "    a_test.go:3: wrong\n"}, {"fail", "p", "TestA", ""}}, false},
		{"tidying up for another reason", []said{{"output", "p", "TestA", strings.Replace(wine, "Invalid function.", "Sharing violation.", 1)}, {"fail", "p", "TestA", ""}}, false},
		{"a failure without a word", []said{{"fail", "p", "TestA", ""}}, false},
		{"a part that was tidied up", []said{{"output", "p", "TestA/one", wine}, {"fail", "p", "TestA/one", ""}, {"fail", "p", "TestA", ""}}, true},
		{"a part that failed", []said{{"output", "p", "TestA/one", "    a_test.go:3: wrong\n"}, {"fail", "p", "TestA/one", ""}, {"fail", "p", "TestA", ""}}, false},
		{"a program that does not start", []said{{"output", "p", "", "exit status 3\n"}, {"fail", "p", "", ""}, {"pass", "q", "TestB", ""}}, false},
		{"a program that does not build", []said{{"pass", "q", "TestB", ""}, {"build-fail", "", "", ""}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var in strings.Builder
			for _, s := range test.said {
				line, err := json.Marshal(s)
				if err != nil {
					t.Fatal(err)
				}
				in.Write(append(line, '\n'))
			}
			if err := judge(strings.NewReader(in.String()), io.Discard); (err == nil) != test.good {
				t.Errorf("got %v", err)
			}
		})
	}
}
