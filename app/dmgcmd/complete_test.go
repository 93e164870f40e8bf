package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWordsThatFitAreCompleted(t *testing.T) {
	t.Parallel()
	parser, err := grammar(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		typed       []string
		has, hasNot []string
		files       bool
	}{
		{name: "nothing", typed: []string{""}, has: []string{"copy", "factory"}, hasNot: []string{"manual", "--json"}},
		{name: "the beginning of a command", typed: []string{"fac"}, has: []string{"factory"}, hasNot: []string{"copy"}},
		{name: "a command's commands", typed: []string{"factory", "gateway", ""}, has: []string{"new", "list"}, hasNot: []string{"serve"}},
		{name: "flags of a command and of all", typed: []string{"run", "--"}, has: []string{"--key-file", "--data"}},
		{name: "flags of the command that another stands for", typed: []string{"jobs", "--f"}, has: []string{"--follow"}},
		{name: "behind a flag with its value", typed: []string{"--data", "factory", "sta"}, has: []string{"start", "status"}},
		{name: "behind a flag that bash cut", typed: []string{"--data", "=", "x", "sta"}, has: []string{"start", "status"}},
		{name: "a flag's file", typed: []string{"run", "--key-file", ""}, files: true},
		{name: "an argument's file", typed: []string{"copy", ""}, files: true},
		{name: "an argument that is one of some", typed: []string{"factory", "remove", ""}, has: []string{"dataset", "pipeline"}},
		{name: "a setting", typed: []string{"settings", "fol"}, has: []string{"folders"}},
		{name: "words that are none", typed: []string{"nothing", "of", "this", "--nor=that"}},
	} {
		found, files := complete(parser.Model.Node, c.typed)
		var got []string
		for _, f := range found {
			got = append(got, f[0])
		}
		for _, word := range c.has {
			if !slices.Contains(got, word) {
				t.Errorf("%s: %q lacks %q", c.name, got, word)
			}
		}
		for _, word := range c.hasNot {
			if slices.Contains(got, word) {
				t.Errorf("%s: %q has %q", c.name, got, word)
			}
		}
		if files != c.files {
			t.Errorf("%s: files %v", c.name, files)
		}
	}
}

func TestBashCompletesWithTheScript(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no bash here")
	}
	dir := t.TempDir()
	stand := filepath.Join(dir, "dmgcmd") // prints the words that it was asked about
	if err := os.WriteFile(stand, []byte("#!/bin/sh\nshift 3\nfor w; do printf 'got-%s\\tmeaning\\n' \"$w\"; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := completionScripts["bash"] + "\nCOMP_WORDS=(\"$0\" jobs 'a b' --f); COMP_CWORD=3\n_dmgcmd \"$0\"\nprintf '%s|' \"${COMPREPLY[@]}\"\n"
	out, err := exec.Command(bash, "-c", script, stand).CombinedOutput()
	if want := "got-jobs|got-a b|got---f|"; err != nil || string(out) != want {
		t.Errorf("%q, want %q, %v", out, want, err)
	}
}

func TestTheManualHasEveryCommand(t *testing.T) {
	t.Parallel()
	parser, err := grammar(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	writeManual(&b, parser.Model.Node, "1.2.3")
	text := b.String()
	for _, n := range parser.Model.Leaves(true) {
		if !strings.Contains(text, "\n.SS "+roff(commandLine(n))+"\n") {
			t.Errorf("no section of %s", n.FullPath())
		}
	}
	for _, want := range []string{"\n.B DMG_KEY_FILE\n", "\n.B DMG_PASSPHRASE_FILE\n", "\n.SH EXIT STATUS\n", "\n.B 130\n", "1.2.3"} {
		if !strings.Contains(strings.ReplaceAll(text, `\-`, "-"), want) {
			t.Errorf("no %q", want)
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "'") {
			t.Errorf("a line would be read as a request: %q", line)
		}
	}
	if strings.Contains(text, "manual") && strings.Contains(text, ".SS manual") {
		t.Error("a hidden command is shown")
	}
}
