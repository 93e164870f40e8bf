package json

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// path leads from a document's root, or from an element of the array that makes the rows, to one value.
type path struct {
	root  bool // begins with $
	steps []step
}

// step goes into an object by name, or into an array by index.
type step struct {
	name  string
	index int // -1 where name counts
}

// parsePath reads "$.a.b", "$['a b'][0]", "a.b", "['a.b']". A [*] at the end means the array itself. Filters, slices,
// wildcards elsewhere and ".." are refused: they would make several values of one.
func parsePath(text string) (path, error) {
	p := path{}
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "$") {
		p.root, rest = true, rest[1:]
		if rest != "" && rest[0] != '.' && rest[0] != '[' {
			return p, fmt.Errorf("%q: after $ comes a point or a bracket", text)
		}
	} else if rest == "" {
		return p, errors.New("the path is empty")
	} else if rest[0] != '[' {
		rest = "." + rest
	}
	for rest != "" {
		s, tail, err := parseStep(rest)
		if err != nil {
			return p, fmt.Errorf("%q: %w", text, err)
		}
		if s.name == "" && s.index == everything {
			if tail != "" {
				return p, fmt.Errorf("%q: [*] is possible only at the end", text)
			}
			return p, nil
		}
		p.steps = append(p.steps, s)
		rest = tail
	}
	return p, nil
}

// everything is the index of [*] while a path is read.
const everything = -2

func parseStep(rest string) (step, string, error) {
	if rest[0] == '.' {
		name := rest[1:]
		if end := strings.IndexAny(name, ".["); end >= 0 {
			name = name[:end]
		}
		switch name {
		case "":
			return step{}, "", errors.New("a name is missing between two points; a path through every level (..) is not supported")
		case "*":
			return step{index: everything}, rest[2:], nil
		}
		return step{name: name, index: -1}, rest[1+len(name):], nil
	}
	if rest[0] != '[' {
		return step{}, "", fmt.Errorf("a point or bracket is missing before %q", rest)
	}
	if len(rest) > 1 && (rest[1] == '\'' || rest[1] == '"') {
		return quotedStep(rest)
	}
	inner, tail, ok := strings.Cut(rest[1:], "]")
	if !ok {
		return step{}, "", errors.New("a bracket is not closed")
	}
	if inner == "*" {
		return step{index: everything}, tail, nil
	}
	n, err := strconv.ParseUint(inner, 10, 31)
	if err != nil {
		return step{}, "", fmt.Errorf("[%s] is neither an index nor a quoted name; filters and slices are not supported", inner)
	}
	return step{index: int(n)}, tail, nil
}

// quotedStep reads ['name'] or ["name"]; a backslash takes the next character as it is.
func quotedStep(rest string) (step, string, error) {
	quote := rest[1]
	var name strings.Builder
	for i := 2; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && i+1 < len(rest):
			i++
			name.WriteByte(rest[i])
		case c == quote:
			if i+1 >= len(rest) || rest[i+1] != ']' {
				return step{}, "", errors.New("a bracket is not closed behind the name")
			}
			return step{name: name.String(), index: -1}, rest[i+2:], nil
		default:
			name.WriteByte(c)
		}
	}
	return step{}, "", errors.New("a quoted name is not closed")
}

// String is the path in the notation that can name everything.
func (p path) String() string {
	var b strings.Builder
	if p.root {
		b.WriteByte('$')
	}
	for _, s := range p.steps {
		if s.index >= 0 {
			fmt.Fprintf(&b, "[%d]", s.index)
			continue
		}
		b.WriteString("['")
		b.WriteString(strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s.name))
		b.WriteString("']")
	}
	return b.String()
}

// names is a path through objects alone, from names.
func names(list ...string) path {
	var p path
	for _, n := range list {
		p.steps = append(p.steps, step{name: n, index: -1})
	}
	return p
}
