package words

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// spokenByEngine are the sentences in the engine's code, with %s for each value, and the place of each.
func spokenByEngine(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	inspectEngine(t, func(n ast.Node, place string) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := sentence(e)
		if ok && texts[text] == "" {
			texts[text] = place
		}
		return !ok
	})
	return texts
}

// inspectEngine shows every piece of the engine's code, but for its tests, and where it is.
func inspectEngine(t *testing.T, look func(n ast.Node, place string) bool) {
	t.Helper()
	err := filepath.WalkDir("../../engine", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool { return n == nil || look(n, set.Position(n.Pos()).String()) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var formatted = regexp.MustCompile(`%[-+# 0]*(?:\[\d\])?[\d.]*[a-zA-Z]`)

// sentence is the text of a literal, or of literals and values that are joined, with %s for each value.
func sentence(e ast.Expr) (string, bool) {
	if text, ok := literal(e); ok {
		return formatted.ReplaceAllString(strings.ReplaceAll(text, "%q", `"%s"`), "%s"), true
	}
	joined, ok := e.(*ast.BinaryExpr)
	if !ok || joined.Op != token.ADD {
		return "", false
	}
	left, okLeft := sentence(joined.X)
	right, okRight := sentence(joined.Y)
	switch {
	case okLeft && okRight:
		return left + right, true
	case okLeft:
		return left + "%s", true
	case okRight:
		return "%s" + right, true
	}
	return "", false
}

func TestWhatIsTranslatedOfTheEngineIsWhatItSays(t *testing.T) {
	t.Parallel()
	texts := spokenByEngine(t)
	if file := os.Getenv("DMG_ENGINE_TEXTS"); file != "" { // for whoever translates more
		data, err := json.MarshalIndent(texts, "", "\t")
		if err == nil {
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var patterns []pattern
	for text := range texts {
		if !strings.Contains(text, "%s") || !utf8.ValidString(text) {
			continue
		}
		if p := newPattern(text, text); p.fixed >= 8 {
			patterns = append(patterns, p)
		}
	}
	for _, l := range Languages()[1:] {
		own := table{}
		for _, part := range enginePart {
			data, err := load(l.Tag + part)
			if err != nil {
				t.Fatal(err)
			}
			for english, translated := range data {
				if own[english] != "" {
					t.Errorf("%s has %q twice", l.Name, english)
				}
				own[english] = translated
			}
		}
		system, err := load(l.Tag + systemPart)
		if err != nil {
			t.Fatal(err)
		}
		for english, translated := range system {
			if a, b := verbs(english), verbs(translated); !slices.Equal(a, b) || own[english] != "" {
				t.Errorf("%s: %q has the verbs %v, %q has %v, and it is said once", l.Name, english, a, translated, b)
			}
		}
		for english, translated := range own {
			if texts[english] == "" && !filledIn(english, patterns) {
				t.Errorf("%s has %q, which the engine does not say", l.Name, english)
			}
			if a, b := verbs(english), verbs(translated); !slices.Equal(a, b) {
				t.Errorf("%s: %q has the verbs %v, %q has %v", l.Name, english, a, translated, b)
			}
		}
	}
}

// filledIn reports whether a sentence is one of the patterns with words in the place of some of its values.
func filledIn(english string, patterns []pattern) bool {
	for i := range patterns {
		if patterns[i].values(english) != nil {
			return true
		}
	}
	return false
}

// composed are everyday sentences of which every form is translated by itself, because its words depend on each other.
var composed = map[string]bool{
	"This machine's clock is %s %s the data factory's. Sign-in fails when they differ by more than a few minutes.": true, // ahead of, behind
	"This machine %s after %s without input. Jobs are not served meanwhile.":                                       true, // sleeps, hibernates
}

// TestEverydaySentencesOfTheEngineAreTranslated asks for those that a person meets on Home without looking for trouble.
func TestEverydaySentencesOfTheEngineAreTranslated(t *testing.T) {
	t.Parallel()
	texts := spokenByEngine(t)
	for _, l := range Languages()[1:] {
		s, err := loadSpoken(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		own, err := load(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		for text, place := range texts {
			everyday := slices.ContainsFunc([]string{"/engine/state.go:", "/engine/warnings.go:", "/engine/notices.go:", "/diagnostics/selfcheck/", "/diagnostics/network/"}, func(p string) bool { return strings.Contains(place, p) })
			if !everyday || !strings.Contains(text, " ") || !strings.HasSuffix(text, ".") {
				continue
			}
			if s.of(text) == text && own[text] == "" && !composed[text] {
				t.Errorf("%s: %s lacks %q", place, l.Name, text)
			}
		}
	}
}

// rooms are where a copy's errors come from.
var rooms = regexp.MustCompile(`/engine/(batch|copy|fault|format|store)/([a-z0-9]+/)*`)

// TestWhatToDoAboutAFailedCopyIsTranslated asks for every remedy that a copy, a store or a format gives.
func TestWhatToDoAboutAFailedCopyIsTranslated(t *testing.T) {
	t.Parallel()
	remedy := regexp.MustCompile(`^[A-Z%"][^\n]* [^\n]*(\.|\. %s)$`)
	texts := spokenByEngine(t)
	for _, l := range Languages()[1:] {
		s, err := loadSpoken(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for text, place := range texts {
			room := rooms.FindString(place)
			if room == "" || strings.Contains(room, "test/") || strings.Contains(room, "/memory/") || !remedy.MatchString(text) || !utf8.ValidString(text) {
				continue
			}
			seen++
			if s.of(text) == text && !composed[text] {
				t.Errorf("%s: %s lacks %q", place, l.Name, text)
			}
		}
		if seen < 400 {
			t.Errorf("only %d remedies were found", seen)
		}
	}
}

// tooGeneral are messages with so few words of their own that a translation would take a part of others' sentences.
var tooGeneral = map[string]bool{"%s is not a %s": true, "%s is a view": true}

// TestWhatFailedInACopyIsTranslated asks for the message of every fault that a copy, a store or a format makes.
func TestWhatFailedInACopyIsTranslated(t *testing.T) {
	t.Parallel()
	messages := map[string]string{}
	inspectEngine(t, func(n ast.Node, place string) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 || !rooms.MatchString(place) || strings.Contains(place, "test/") || strings.Contains(place, "/memory/") {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "New" {
			if of, ok := f.X.(*ast.Ident); ok && of.Name == "fault" {
				if text, ok := sentence(call.Args[1]); ok && strings.Contains(text, " ") && !tooGeneral[text] {
					messages[text] = place
				}
			}
		}
		return true
	})
	if len(messages) < 250 {
		t.Errorf("only %d messages were found", len(messages))
	}
	for _, l := range Languages()[1:] {
		s, err := loadSpoken(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		for text, place := range messages {
			if s.of(text) == text {
				t.Errorf("%s: %s lacks %q", place, l.Name, text)
			}
		}
	}
}

func TestSentencesOfTheEngineAreTranslatedWithTheirValues(t *testing.T) {
	t.Cleanup(func() { Use("en") })
	s := &spoken{exact: map[string]string{"connection refused": "Verbindung abgelehnt"}, known: map[string]string{}, patterns: []pattern{
		newPattern("the folder %s of %s cannot be used", "der Ordner %[2]s von %[1]s ist nicht nutzbar"), newPattern("%s does not answer", "%s antwortet nicht"),
	}}
	for english, want := range map[string]string{
		"the folder a of b cannot be used":        "der Ordner b von a ist nicht nutzbar",
		"db1 does not answer":                     "db1 antwortet nicht",
		"db1 does not answer: connection refused": "db1 antwortet nicht: Verbindung abgelehnt",
		"db1 does not answer: xyz":                "db1 antwortet nicht: xyz",
		"connection refused":                      "Verbindung abgelehnt",
		"nobody knows: this":                      "nobody knows: this",
		": ":                                      ": ",
		"":                                        "",
	} {
		for range 2 {
			if got := s.of(english); got != want {
				t.Errorf("%q: %q, want %q", english, got, want)
			}
		}
	}
	Use("de")
	if got := Of("nobody says this"); got != "nobody says this" {
		t.Errorf("%q", got)
	}
}

func FuzzSentencesOfTheEngine(f *testing.F) {
	f.Add("The disk of : left of .")
	s, err := loadSpoken("de")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, text string) { s.of(text) })
}
