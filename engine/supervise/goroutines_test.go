package supervise

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unguarded are the goroutines that may go without a guard, by file and function, and why: their panic ends the process.
var unguarded = map[string]string{
	"channel/channel.go session":     "waits for channels only; what works is guarded",
	"channel/channel.go untilPaused": "waits for channels only",
	"endpoint/endpoint.go serve":     "waits for what is guarded",
	"copy/attempt.go copyAll":        "copyOne guards the copy of a partition",
	"store/blob/writer.go start":     "upload recovers",
	"store/sqlite/conn.go watch":     "waits, and sets a flag of the library",
	"store/sftp/connect.go dial":     "waits for the end of the connection",
	"store/sftp/reader.go Open":      "open and pump recover",
	"store/sftp/writer.go begin":     "openOn recovers",
	"store/sftp/writer.go send":      "put recovers",
	"logging/system.go newForwarder": "hands lines to the operating system; what guards needs this package",
	"logging/file.go rotate":         "lists and compresses files; what guards needs this package",
	"logging/handler.go Open":        "lists and compresses files; what guards needs this package",
	"update/supervise.go supervise":  "waits for a process",
}

// TestEveryGoroutineIsGuarded looks at each go statement and each call of a group's Go in the engine: what runs there has
// to turn its panic into an error or a line of the log, or stand in the list above.
func TestEveryGoroutineIsGuarded(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	n := 0
	for dir, files := range sources(t, "..") {
		bodies := functions(files)
		for path, f := range files {
			rel, err := filepath.Rel("..", filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range goroutines(f.file) {
				n++
				if g.guarded(bodies) {
					continue
				}
				name := filepath.ToSlash(rel) + " " + g.in
				if used[name] = true; unguarded[name] == "" {
					t.Errorf("%s:%d: a goroutine in %s without a guard: use Guard, Contain, a supervisor or fault.Recover", filepath.ToSlash(rel), f.set.Position(g.at).Line, g.in)
				}
			}
		}
	}
	for name := range unguarded {
		if !used[name] {
			t.Errorf("%q is excepted and not there any more", name)
		}
	}
	if n < 30 {
		t.Errorf("only %d goroutines were found: does the test look at the right place?", n)
	}
}

type source struct {
	set  *token.FileSet
	file *ast.File
}

// sources parses what is no test below a folder, by folder and name.
func sources(t *testing.T, root string) map[string]map[string]source {
	t.Helper()
	dirs := map[string]map[string]source{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "testserver" || d.Name() == "storetest") {
			return filepath.SkipDir // of tests
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if dirs[dir] == nil {
			dirs[dir] = map[string]source{}
		}
		dirs[dir][filepath.Base(path)] = source{set, f}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// functions are the bodies of a package's functions and methods, and of functions in variables, by name.
func functions(files map[string]source) map[string][]*ast.BlockStmt {
	bodies := map[string][]*ast.BlockStmt{}
	for _, f := range files {
		for _, d := range f.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				bodies[fn.Name.Name] = append(bodies[fn.Name.Name], fn.Body)
			}
		}
		ast.Inspect(f.file, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && len(a.Rhs) == 1 {
				if fn, ok := a.Rhs[0].(*ast.FuncLit); ok {
					bodies[lastName(a.Lhs[0])] = append(bodies[lastName(a.Lhs[0])], fn.Body)
				}
			}
			return true
		})
	}
	return bodies
}

// goroutine is a place where one is started.
type goroutine struct {
	in  string // the function around it
	at  token.Pos
	run ast.Expr // what is called in it
}

func goroutines(f *ast.File) []goroutine {
	var list []goroutine
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				list = append(list, goroutine{fn.Name.Name, n.Pos(), n.Call.Fun})
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Go" && len(n.Args) == 1 {
					list = append(list, goroutine{fn.Name.Name, n.Pos(), n.Args[0]})
				}
			}
			return true
		})
	}
	return list
}

// guarded says whether the goroutine's function, or the one function of the package that it consists of, guards itself.
func (g goroutine) guarded(bodies map[string][]*ast.BlockStmt) bool {
	fn, ok := g.run.(*ast.FuncLit)
	if !ok {
		return namedGuards(g.run, bodies)
	}
	if guards(fn.Body) {
		return true
	}
	if len(fn.Body.List) != 1 {
		return false
	}
	only, ok := fn.Body.List[0].(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := only.X.(*ast.CallExpr)
	return ok && namedGuards(call.Fun, bodies)
}

func namedGuards(fn ast.Expr, bodies map[string][]*ast.BlockStmt) bool {
	return slices.ContainsFunc(bodies[lastName(fn)], guards)
}

// guards reports whether a body calls one of the guards, as its own statement or within one.
func guards(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch lastName(call.Fun) {
		case "Guard", "Contain", "guarded", "Recover":
			found = true
		case "Run":
			s, ok := call.Fun.(*ast.SelectorExpr)
			found = found || ok && lastName(s.X) == "supervisor"
		}
		return true
	})
	return found
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
