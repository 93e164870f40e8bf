package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"dmgateway/app/view"
	"dmgateway/engine"
)

// follow walks the command line's model along what a person would type and says where it does not fit.
func follow(node *kong.Node, typed []string) error {
	for len(typed) > 0 {
		i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Type == kong.CommandNode && n.Name == typed[0] })
		if i < 0 {
			break
		}
		node, typed = node.Children[i], typed[1:]
	}
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	if !node.Leaf() {
		return fmt.Errorf("%q is no command by itself", node.FullPath())
	}
	left := node.Positional
	for _, word := range typed {
		if flag, ok := strings.CutPrefix(word, "--"); ok {
			if !slices.ContainsFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == flag }) {
				return fmt.Errorf("%q has no flag --%s", node.FullPath(), flag)
			}
			continue
		}
		if len(left) == 0 {
			return fmt.Errorf("%q takes no %s", node.FullPath(), word)
		}
		left = left[1:]
	}
	if len(left) > 0 && left[0].Required {
		return fmt.Errorf("%q needs %s", node.FullPath(), left[0].Summary())
	}
	return nil
}

func TestEveryActionOfTheWindowHasItsCommand(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&cli{}, kong.Name("dmgcmd"), kong.Vars{"data": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range view.Actions {
		if a.Command == "" {
			continue
		}
		typed := strings.Fields(a.Command)
		if typed[0] != "dmgcmd" {
			t.Errorf("%s: %q is no command of dmgcmd", a.Does, a.Command)
		}
		if typed[1] == "help" {
			if run(context.Background(), []string{"help", engine.CodeConflict}, strings.NewReader(""), io.Discard, io.Discard) != exitDone {
				t.Errorf("%s: help explains no code", a.Does)
			}
			continue
		}
		if err := follow(parser.Model.Node, typed[1:]); err != nil {
			t.Errorf("%s: %v", a.Does, err)
		}
		if typed[1] == "settings" && len(typed) > 2 && typed[2] != "NAME" {
			if !slices.ContainsFunc(engine.SettingDefinitions(), func(s engine.Setting) bool { return s.Name == typed[2] }) {
				t.Errorf("%s: there is no setting %s", a.Does, typed[2])
			}
		}
	}
	for _, wrong := range []string{"stard", "jobs cancel", "jobs show ID --logs", "certificate", "stop now"} {
		if follow(parser.Model.Node, strings.Fields(wrong)) == nil {
			t.Errorf("%q passes for a command", wrong)
		}
	}
}

func TestTheReadmeShowsWindowAndCommandsSideBySide(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| window | | command |\n| --- | --- | --- |\n")
	in := ""
	for _, a := range view.Actions {
		place := ""
		if a.In != in {
			in, place = a.In, a.In
		}
		command := "`" + a.Command + "`"
		if a.Command == "" {
			command = a.Why
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", place, a.Does, command)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("README.md needs this table:\n%s", table.String())
	}
}
