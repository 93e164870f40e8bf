package help_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dmgateway/engine/help"
	"dmgateway/engine/logging"
)

// source are the Go files of package engine and below that are not tests, parsed, by folder.
func source(t *testing.T) map[string][]*ast.File {
	t.Helper()
	all := map[string][]*ast.File{}
	set := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		all[filepath.Dir(path)] = append(all[filepath.Dir(path)], f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// texts are the constants of a folder that are texts.
func texts(files []*ast.File) map[string]string {
	found := map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
							found[name.Name], _ = strconv.Unquote(lit.Value)
						}
					}
				}
			}
			return true
		})
	}
	return found
}

func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return name(e.X) + "." + e.Sel.Name
	}
	return ""
}

func TestEveryErrorCodeHasAPage(t *testing.T) {
	t.Parallel()
	all := source(t)
	codes := texts(all["../fault"])
	used := map[string]bool{}
	for folder, files := range all {
		own := texts(files)
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || name(call.Fun) != "fault.New" || len(call.Args) == 0 {
					return true
				}
				var code string
				switch arg := call.Args[0].(type) {
				case *ast.BasicLit:
					code, _ = strconv.Unquote(arg.Value)
				default:
					n := name(arg)
					if general, ok := strings.CutPrefix(n, "fault."); ok {
						code = codes[general]
					} else {
						code = own[n]
					}
				}
				if code != "" {
					used[code] = true
					if _, ok := help.Find(code); !ok {
						t.Errorf("the code %s, used in %s, has no page", code, folder)
					}
				}
				return true
			})
		}
	}
	for _, code := range codes {
		if _, ok := help.Find(code); !ok {
			t.Errorf("the code %s has no page", code)
		}
	}
	if len(used) < 15 {
		t.Errorf("only %d codes were found in the source", len(used))
	}
}

// withoutEvents are the folders whose lines need no event: what they log belongs to a job, whose end has one.
var withoutEvents = []string{"../copy", "../store", "../format", "../supervise"}

func TestEveryLineFromInfoOnHasAnEventOfItsLevel(t *testing.T) {
	t.Parallel()
	events := map[string]logging.Kind{}
	all := source(t)
	for _, f := range all["../logging"] {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && name(spec.Type) == "Event" {
				id, err := strconv.Atoi(spec.Values[0].(*ast.BasicLit).Value)
				kind, known := logging.KindOf(logging.Event(id))
				if err != nil || !known {
					t.Errorf("the event %s is not described", spec.Names[0].Name)
				}
				events["logging."+spec.Names[0].Name] = kind
			}
			return true
		})
	}
	lines := 0
	for folder, files := range all {
		if slices.ContainsFunc(withoutEvents, func(f string) bool { return folder == f || strings.HasPrefix(folder, f+"/") }) {
			continue
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				logger, level, _ := strings.Cut(name(call.Fun), ".")
				for strings.Contains(level, ".") {
					logger, level, _ = strings.Cut(level, ".")
				}
				if !strings.EqualFold(logger, "log") || !slices.Contains([]string{"Info", "Warn", "Error"}, level) {
					return true
				}
				lines++
				text := ""
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					text = lit.Value
				}
				if len(call.Args) < 3 || name(call.Args[1]) != "logging.Key" {
					t.Errorf("%s: the line %s has no event", folder, text)
				} else if kind, ok := events[name(call.Args[2])]; !ok || !strings.EqualFold(kind.Level.String(), level) {
					t.Errorf("%s: the line %s is at %s, its event %s at %s", folder, text, level, name(call.Args[2]), kind.Level)
				}
				return true
			})
		}
	}
	if lines < 30 {
		t.Errorf("only %d lines were found in the source", lines)
	}
}

func TestTopicsAreFoundAndTold(t *testing.T) {
	t.Parallel()
	anchors := map[string]bool{}
	for _, topic := range help.Topics() {
		if anchors[topic.Anchor] || topic.Title == "" || topic.Text == "" {
			t.Errorf("%+v", topic)
		}
		anchors[topic.Anchor] = true
	}
	if topic, ok := help.Find("diskfull"); !ok || !strings.Contains(topic.String(), "What to do: Make room") {
		t.Errorf("%v", topic)
	}
	if topic, ok := help.Find("25"); !ok || !topic.Event {
		t.Errorf("%v", topic)
	}
	if _, ok := help.Find("nonsense"); ok {
		t.Error("nonsense is found")
	}
}
