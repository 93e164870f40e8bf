package files

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// Selected is what a FileSource selects at one moment.
type Selected struct {
	// Files are in the order of their paths, those of a list in its order.
	Files []store.File
	// Base is the folder that the hierarchy is relative to: "a" when "a/b/c.csv" is to become "b/c.csv".
	Base string
	// Late is how many more files would be there but for their time of change.
	Late int
}

// Select lists the files that sel means. That there is none is a fault with code NotFound, unless files are there and
// only their time of change is outside of what sel asks for: then nothing new has come, which is no failure.
func Select(ctx context.Context, files store.Files, sel *activity.FileSource) (*Selected, error) {
	s := &Selected{Base: Base(sel)}
	late, err := Each(ctx, files, sel, func(f store.File) error {
		s.Files = append(s.Files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.Late = late
	if sel.List == "" {
		slices.SortFunc(s.Files, func(a, b store.File) int { return strings.Compare(a.Path, b.Path) })
	}
	return s, nil
}

// Each is Select for more files than memory should hold: fn is called for each as it is found, from this goroutine. late
// counts those that only their time of change keeps out.
func Each(ctx context.Context, files store.Files, sel *activity.FileSource, fn func(store.File) error) (late int, err error) {
	found := 0
	take := func(f store.File) error {
		if !inWindow(f.Modified, sel.ModifiedFrom, sel.ModifiedTo) {
			late++
			return ctx.Err()
		}
		found++
		if err := fn(f); err != nil {
			return err
		}
		return ctx.Err()
	}
	switch {
	case sel.List != "":
		err = listed(ctx, files, sel, take)
	case sel.Name != "" && !wild(sel.Name):
		err = one(ctx, files, sel, take)
	default:
		err = many(ctx, files, sel, take)
	}
	if err == nil && found == 0 && late == 0 {
		if s, ok := files.(store.Searcher); ok && sel.List == "" && sel.Folder != "" {
			if err := s.Missing(ctx, root(sel)); err != nil {
				return 0, err
			}
		}
		err = fault.New(fault.NotFound, "no file matches").At(describe(sel)).
			Try("Check folder, name and wildcards; upper and lower case matter, and subfolders are searched only with recursive.")
	}
	return late, err
}

// Base is the folder that the hierarchy of the selected files is relative to.
func Base(sel *activity.FileSource) string {
	if sel.Prefix != "" {
		dir, _ := path.Split(sel.Prefix)
		return Join(sel.Folder, strings.Trim(dir, "/"))
	}
	return sel.Folder
}

// describe names what was looked for.
func describe(sel *activity.FileSource) string {
	name := sel.Name
	if name == "" {
		name = sel.NamePattern
	}
	switch {
	case sel.List != "":
		return sel.List
	case sel.Prefix != "":
		return Join(sel.Folder, sel.Prefix+"*")
	case sel.FolderPattern != "":
		return Join(root(sel), sel.FolderPattern, name)
	}
	return Join(sel.Folder, name)
}

func one(ctx context.Context, files store.Files, sel *activity.FileSource, fn func(store.File) error) error {
	f, err := files.Stat(ctx, Join(sel.Folder, sel.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fn(f)
}

func inWindow(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
}

// many lists a folder and keeps what matches.
func many(ctx context.Context, files store.Files, sel *activity.FileSource, fn func(store.File) error) error {
	base, recursive := Base(sel), sel.Recursive
	match := func(string) bool { return true }
	switch {
	case sel.Prefix != "":
		begin := sel.Prefix
		if sel.Folder != "" {
			begin = sel.Folder + "/" + sel.Prefix
		}
		match = func(p string) bool { return strings.HasPrefix(p, begin) }
	case sel.FolderPattern != "":
		top := root(sel)
		recursive = true
		match = func(p string) bool { return matchFolder(sel, strings.TrimPrefix(Below(p, top), "/")) }
	}
	pattern := sel.NamePattern
	if pattern == "" {
		pattern = sel.Name
	}
	return files.List(ctx, base, recursive, func(f store.File) error {
		if match(f.Path) && (pattern == "" || Match(pattern, path.Base(f.Path))) {
			return fn(f)
		}
		return ctx.Err()
	})
}

// root is the folder that FolderPattern counts from: Folder is that folder and the part of the pattern without
// wildcards.
func root(sel *activity.FileSource) string {
	fixed := fixedPart(sel.FolderPattern)
	if fixed == "" {
		return sel.Folder
	}
	return strings.TrimSuffix(strings.TrimSuffix(sel.Folder, fixed), "/")
}

// matchFolder matches the folder of a path (or, when recursive, any folder above the file) with FolderPattern, element
// by element.
func matchFolder(sel *activity.FileSource, p string) bool {
	want := strings.Split(sel.FolderPattern, "/")
	have := strings.Split(p, "/")
	have = have[:len(have)-1]
	if len(have) < len(want) || len(have) > len(want) && !sel.Recursive {
		return false
	}
	for i, w := range want {
		if !Match(w, have[i]) {
			return false
		}
	}
	return true
}

func fixedPart(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		if escapes(p) {
			return strings.Join(parts[:i], "/")
		}
	}
	return pattern
}

func wild(s string) bool { return strings.ContainsAny(s, "*?") }

// escapes reports whether a pattern is more than its text.
func escapes(s string) bool { return strings.ContainsAny(s, "*?^") }

// Match matches one path element with Data Factory's wildcards: * is any number of characters, ? is one or none, ^
// takes the meaning from the character behind it.
func Match(pattern, name string) bool {
	if !escapes(pattern) {
		return pattern == name
	}
	if rest, ok := strings.CutPrefix(pattern, "*"); ok && !escapes(rest) { // the usual ones: *, *.csv
		return strings.HasSuffix(name, rest)
	}
	return match([]rune(pattern), []rune(name))
}

func match(p, s []rune) bool {
	// Two rows of the usual table: ok[j] tells whether the pattern so far matches s[:j].
	ok, next := make([]bool, len(s)+1), make([]bool, len(s)+1)
	ok[0] = true
	for i := 0; i < len(p); i++ {
		c, literal := p[i], true
		switch {
		case c == '^' && i+1 < len(p):
			i++
			c = p[i]
		case c == '*' || c == '?':
			literal = false
		}
		for j := range next {
			switch {
			case literal:
				next[j] = j > 0 && ok[j-1] && s[j-1] == c
			case c == '*':
				next[j] = ok[j] || j > 0 && next[j-1]
			default:
				next[j] = ok[j] || j > 0 && ok[j-1]
			}
		}
		ok, next = next, ok
	}
	return ok[len(s)]
}

// Join joins path elements that are not empty with "/".
func Join(parts ...string) string {
	full := ""
	for _, p := range parts {
		switch {
		case p == "":
		case full == "" || strings.HasSuffix(full, "/"):
			full += p
		default:
			full += "/" + p
		}
	}
	return full
}

// Below is the path p relative to the folder base.
func Below(p, base string) string {
	if base == "" {
		return p
	}
	return strings.TrimPrefix(strings.TrimPrefix(p, base), "/")
}
