// Command winetest reads what `go test -json` says of tests that ran under Wine, and fails where they failed, except for
// what only Wine 8 does: it cannot delete files the way that Go 1.26 does when a test's folder is tidied up at its end.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	if err := judge(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "winetest:", err)
		os.Exit(1)
	}
}

// tidying is the one failure that is Wine's.
var tidying = regexp.MustCompile(`^\s+testing\.go:\d+: TempDir RemoveAll cleanup: .*: Invalid function\.\r?$`)

// noise is what every test says, whether it fails or not.
var noise = regexp.MustCompile(`^\s*(=== |--- |PASS|FAIL|ok\s|exit status|\r?$)`)

type said struct{ Action, Package, Test, Output string }

func judge(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<24)
	output := map[string][]string{}
	parents := map[string]bool{}
	passed, wines, skipped, failed := 0, 0, 0, 0
	packages := map[string]int{}
	for lines.Scan() {
		var s said
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		name := s.Package + " " + s.Test
		switch s.Action {
		case "output":
			output[name] = append(output[name], s.Output)
		case "build-output":
			fmt.Fprint(out, s.Output)
		case "build-fail":
			failed++
		case "skip":
			skipped++
		case "pass", "fail":
			if s.Test == "" {
				if s.Action == "fail" && packages[s.Package] == 0 { // it ended before a test did
					failed++
					fmt.Fprintln(out, "FAILED", s.Package, strings.Join(output[name], ""))
				}
				continue
			}
			packages[s.Package]++
			if i := strings.LastIndex(name, "/"); i > strings.LastIndex(s.Package, "/") && strings.Contains(s.Test, "/") {
				parents[name[:i]] = parents[name[:i]] || s.Action == "fail"
			}
			switch own := complaints(output[name]); {
			case s.Action == "pass":
				passed++
			case own == "" && (parents[name] || tidied(output[name])): // the parts that failed were judged themselves
				wines++
			default:
				failed++
				fmt.Fprintf(out, "FAILED %s\n%s", name, own)
			}
		}
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped; of them %d passed but for Wine's tidying up\n", passed+wines, failed, skipped, wines)
	switch {
	case lines.Err() != nil:
		return lines.Err()
	case failed > 0:
		return fmt.Errorf("%d tests failed", failed)
	case passed+wines == 0:
		return fmt.Errorf("no test ran")
	}
	return nil
}

func tidied(output []string) bool {
	for _, line := range output {
		if tidying.MatchString(strings.TrimSuffix(line, "\n")) {
			return true
		}
	}
	return false
}

// complaints is what a test said that is neither noise nor Wine's.
func complaints(output []string) string {
	var b strings.Builder
	for _, line := range output {
		if bare := strings.TrimSuffix(line, "\n"); !noise.MatchString(bare) && !tidying.MatchString(bare) {
			b.WriteString(line)
		}
	}
	return b.String()
}
