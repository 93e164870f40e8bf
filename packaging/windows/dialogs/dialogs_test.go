package main

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryPageCanBeLeftAndNothingIsCutOff(t *testing.T) {
	t.Parallel()
	all := pages(`{\rtf1 x}`)
	named := func(name string) bool {
		return slices.ContainsFunc(all, func(p page) bool { return p.name == name })
	}
	for _, p := range all {
		names := map[string]bool{}
		leaves := false
		for _, c := range p.controls {
			if names[c.name] {
				t.Errorf("%s has two %s", p.name, c.name)
			}
			names[c.name] = true
			if c.x < 0 || c.y < 0 || c.x+c.width > p.width || c.y+c.height > p.height {
				t.Errorf("%s of %s lies outside it", c.name, p.name)
			}
			if c.attributes&visible == 0 {
				t.Errorf("%s of %s is never seen", c.name, p.name)
			}
			if c.kind == "PushButton" && len(c.events) == 0 {
				t.Errorf("%s of %s does nothing", c.name, p.name)
			}
			for _, e := range c.events {
				leaves = leaves || e.event == "EndDialog" || e.event == "SpawnDialog"
				if (e.event == "NewDialog" || e.event == "SpawnDialog") && !named(e.argument) {
					t.Errorf("%s of %s leads to %s, which is not there", c.name, p.name, e.argument)
				}
			}
		}
		if !leaves {
			t.Errorf("%s cannot be left", p.name)
		}
		for _, key := range []string{p.first, p.enter, p.escape} {
			if key != "" && !names[key] {
				t.Errorf("%s names %s, which it has not", p.name, key)
			}
		}
	}
}

func TestButtonsAndBoxesOfAPageHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, p := range pages("") {
		if p.name == "ErrorPage" {
			continue // it never shows all of its buttons
		}
		keys := map[string]string{}
		for _, c := range p.controls {
			_, after, found := strings.Cut(c.text, "&")
			if !found {
				continue
			}
			key := strings.ToLower(after[:1])
			if other, taken := keys[key]; taken {
				t.Errorf("%s: %s and %s have the same key %s", p.name, other, c.name, key)
			}
			keys[key] = c.name
		}
	}
}

func TestRowsFitTheirTables(t *testing.T) {
	t.Parallel()
	for _, table := range tables(pages(richText("One\ntwo.\n\nThree {4} ü"))) {
		columns := len(strings.Fields(table.columns))
		if len(strings.Fields(table.types)) != columns {
			t.Errorf("%s has columns without types", table.name)
		}
		seen := map[string]bool{}
		for _, row := range table.rows {
			if len(row) != columns {
				t.Errorf("%s: %q has %d cells, not %d", table.name, row, len(row), columns)
			}
			if strings.ContainsFunc(strings.Join(row, ""), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s: %q ends its line or depends on a code page", table.name, row)
			}
			key := strings.Join(row[:table.keys], "|")
			if seen[key] {
				t.Errorf("%s has two rows %s", table.name, key)
			}
			seen[key] = true
		}
	}
}

func TestALicenceIsWrittenAsRichText(t *testing.T) {
	t.Parallel()
	got := richText("One\ntwo.\n\nThree {4} \\ ü")
	want := `{\rtf1\ansi\deff0{\fonttbl{\f0 Tahoma;}}\f0\fs16 One two.\par\par Three \{4\} \\ \u252?\par\par }`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
