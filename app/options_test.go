package main

import (
	"errors"
	"strings"
	"testing"

	"dmgateway/engine"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want options
		fail bool
	}{
		{"none", nil, options{}, false},
		{"hidden with a directory", []string{"-hidden", "-data", "/x"}, options{hidden: true, data: "/x"}, false},
		{"two dashes", []string{"--browser"}, options{browser: true}, false},
		{"an unknown flag", []string{"-colour"}, options{}, true},
		{"an argument", []string{"start"}, options{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			got, err := parse(c.args, &out)
			if (err != nil) != c.fail || !c.fail && got != c.want {
				t.Errorf("got %+v, %v", got, err)
			}
			if c.fail && out.Len() == 0 {
				t.Error("it fails without a word")
			}
		})
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	if got := errorText(errNoDisplay); !strings.Contains(got, "dmgcmd run") || !strings.Contains(got, "dmgcmd demo") {
		t.Errorf("without a display: %s", got)
	}
	if got := errorText(errors.New("broken")); got != "error Internal: broken." {
		t.Errorf("%q", got)
	}
	_, err := showFirst(t.TempDir())
	if err != nil {
		t.Errorf("where nothing runs: %v (%s)", err, engine.ErrorOf(err).Code)
	}
}

func TestAfterAnUpdateTheProgramStartsAsVisibleAsItWas(t *testing.T) {
	for _, test := range []struct {
		args   string
		hidden bool
		want   string
	}{
		{"", false, ""},
		{"", true, "-hidden"},
		{"-hidden -data /x", false, "-data /x"},
		{"--hidden=true -data /x", true, "-hidden -data /x"},
		{"-data hidden", false, "-data hidden"},
	} {
		got := restartArgs(strings.Fields(test.args), test.hidden)
		if got == nil || strings.Join(got, " ") != test.want {
			t.Errorf("%q, hidden %v: %q", test.args, test.hidden, got)
		}
	}
}
