package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dmgateway/engine"
)

// said are the English texts that the program says, with the place of each; a text that is put together cannot be
// translated and fails the test.
func said(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			function, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := function.X.(*ast.Ident); !ok || pkg.Name != "words" {
				return true
			}
			var args []ast.Expr
			switch function.Sel.Name {
			case "T":
				args = call.Args[:1]
			case "N":
				args = call.Args[1:3]
			}
			for _, arg := range args {
				place := set.Position(arg.Pos()).String()
				text, ok := literal(arg)
				if !ok {
					t.Errorf("%s: the text is not a literal", place)
					continue
				}
				texts[text] = place
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ofPage(t, texts)
	return texts
}

// inTemplate is a text in a template of the page in the browser: {{t "Save"}}.
var inTemplate = regexp.MustCompile(`[{( ]t ("(?:[^"\\]|\\.)*")`)

// ofPage adds the texts of the page in the browser.
func ofPage(t *testing.T, texts map[string]string) {
	t.Helper()
	files, err := filepath.Glob("../../assets/page/*.html")
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, path := range files {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range inTemplate.FindAllStringSubmatch(string(page), -1) {
			text, err := strconv.Unquote(found[1])
			if err != nil {
				t.Fatalf("%s: %s: %v", path, found[1], err)
			}
			texts[text] = path
		}
	}
}

// literal is the value of a string literal, or of several that are joined.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, okA := literal(e.X)
		b, okB := literal(e.Y)
		return a + b, okA && okB && e.Op == token.ADD
	}
	return "", false
}

// ofEngine are the engine's texts that are shown by Of.
func ofEngine(t *testing.T) map[string]string {
	t.Helper()
	texts := titles(t, "../../engine", "../../engine/diagnostics/selfcheck")
	for _, s := range engine.SettingDefinitions() {
		texts[s.Help] = "setting " + s.Name
	}
	for _, ty := range engine.ConnectionTypes() {
		texts[ty.Title] = "type of connection " + ty.Name
		fields := ty.Fields
		for _, k := range ty.Kinds {
			texts[k.Title] = "sign-in to " + ty.Name
			fields = append(fields, k.Fields...)
		}
		for _, f := range fields {
			texts[f.Title] = "field of " + ty.Name
			if f.Hint != "" {
				texts[f.Hint] = "field of " + ty.Name
			}
		}
	}
	return texts
}

// titles are the literal titles and texts of notices and warnings.
func titles(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no code lies in %s: %v", folder, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				made, ok := n.(*ast.CompositeLit)
				if !ok {
					return true
				}
				if kind, ok := made.Type.(*ast.Ident); !ok || kind.Name != "Notice" && kind.Name != "Warning" && kind.Name != "Finding" {
					return true
				}
				for _, e := range made.Elts {
					pair, ok := e.(*ast.KeyValueExpr)
					if !ok {
						continue
					}
					if name, ok := pair.Key.(*ast.Ident); !ok || name.Name != "Title" && name.Name != "Text" {
						continue
					}
					if text, ok := literal(pair.Value); ok {
						texts[text] = set.Position(pair.Pos()).String()
					}
				}
				return true
			})
		}
	}
	if len(texts) < 8 {
		t.Fatalf("only %d titles were found", len(texts))
	}
	return texts
}

var verb = regexp.MustCompile(`%(\[\d+\])?[-+# 0]*[\d.]*[a-zA-Z%]`)

// verbs are a text's verbs in the order of their arguments.
func verbs(text string) []string {
	list := make([]string, 0)
	next := 1
	for _, v := range verb.FindAllString(text, -1) {
		if strings.HasPrefix(v, "%[") {
			n, _ := strconv.Atoi(v[2:strings.Index(v, "]")])
			next = n
			v = "%" + v[strings.Index(v, "]")+1:]
		}
		list = append(list, strconv.Itoa(next)+v)
		next++
	}
	slices.Sort(list)
	return list
}

func TestEveryLanguageHasEveryTextAndNoOther(t *testing.T) {
	texts := said(t)
	for text, place := range ofEngine(t) {
		texts[text] = place
	}
	for _, l := range Languages()[1:] {
		own, err := load(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		sentences, err := loadSpoken(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		for text, place := range texts {
			if own[text] == "" && sentences.exact[text] == "" {
				t.Errorf("%s: %s lacks %q", place, l.Name, text)
			}
		}
		for text, translated := range own {
			if texts[text] == "" {
				t.Errorf("%s has %q, which nobody says", l.Name, text)
			}
			if a, b := verbs(text), verbs(translated); !slices.Equal(a, b) {
				t.Errorf("%s: %q has the verbs %v, %q has %v", l.Name, text, a, translated, b)
			}
		}
	}
}

func TestLocalesAsSystemsWriteThem(t *testing.T) {
	t.Cleanup(func() { Use("en") })
	SetSystem("de_DE.UTF-8")
	for tag, german := range map[string]bool{"system": true, "de": true, "de_AT.UTF-8": true, "DE-ch": true, "en_US.UTF-8": false, "fr": false, "C": false, "": true, "en": false, "de@euro": true} {
		Use(tag)
		if got := present.Load() != nil; got != german {
			t.Errorf("%s: German is %v", tag, got)
		}
	}
}

func TestNumbersAndDaysAreWrittenAsTheLanguageDoes(t *testing.T) {
	t.Cleanup(func() { Use("en") })
	day := time.Date(2026, time.March, 7, 0, 0, 0, 0, time.UTC)
	for tag, want := range map[string][]string{
		"en": {"-1,234,567", "999", "1,000", "1.50", "3", "7 March 2026", "7 Mar", "7 Mar 2026", "1,234 rows of 5"},
		"de": {"-1.234.567", "999", "1.000", "1,50", "3", "7. März 2026", "7. März", "7. März 2026", "1.234 rows of 5"},
	} {
		Use(tag)
		got := []string{
			Number(-1_234_567), Number(999), Number(1000), Decimals(1.5, 2), Decimals(3, 0), Date(day), Day(day), DayOfYear(day),
			N(1234, "%d row of %d", "%d rows of %d", 5),
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}
