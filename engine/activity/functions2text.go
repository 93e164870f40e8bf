package activity

import (
	"fmt"
	"strings"
)

// texts makes a function of texts.
func texts(f func([]string) (any, error)) func(*scope, []any) (any, error) {
	return func(_ *scope, args []any) (any, error) {
		list := make([]string, len(args))
		for i, a := range args {
			s, ok := a.(string)
			if !ok {
				return nil, fmt.Errorf("argument %d is no text", i+1)
			}
			list[i] = s
		}
		return f(list)
	}
}

// limited keeps a text from growing without end.
func limited(s string) (any, error) {
	const most = 1 << 20
	if len(s) > most {
		return nil, fmt.Errorf("the text is longer than %d bytes", most)
	}
	return s, nil
}

func concat(_ *scope, args []any) (any, error) {
	if _, ok := args[0].([]any); ok {
		return nil, fmt.Errorf("arrays cannot be joined; use texts")
	}
	var b strings.Builder
	for _, a := range args {
		b.WriteString(asText(a))
	}
	return limited(b.String())
}

func replace(t []string) (any, error) {
	if t[1] == "" {
		return nil, fmt.Errorf("the text to replace is empty")
	}
	if n := strings.Count(t[0], t[1]); len(t[0])+n*len(t[2]) > 4<<20 {
		return nil, fmt.Errorf("the text becomes too long")
	}
	return limited(strings.ReplaceAll(t[0], t[1], t[2]))
}

func split(t []string) (any, error) {
	var list []any
	for _, s := range strings.Split(t[0], t[1]) {
		list = append(list, s)
	}
	return list, nil
}

func hasPrefixFold(s, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix))
}

func hasSuffixFold(s, suffix string) bool {
	return strings.HasSuffix(strings.ToLower(s), strings.ToLower(suffix))
}

// indexFold is the position in characters, -1 where there is none.
func indexFold(s, part string, last bool) int64 {
	s, part = strings.ToLower(s), strings.ToLower(part)
	i := strings.Index(s, part)
	if last {
		i = strings.LastIndex(s, part)
	}
	if i < 0 {
		return -1
	}
	return int64(len([]rune(s[:i])))
}

func substring(_ *scope, args []any) (any, error) {
	s, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("argument 1 is no text")
	}
	runes := []rune(s)
	from, err := whole(args[1])
	if err != nil {
		return nil, err
	}
	n := int64(len(runes)) - from
	if len(args) == 3 {
		if n, err = whole(args[2]); err != nil {
			return nil, err
		}
	}
	if from < 0 || n < 0 || from+n > int64(len(runes)) {
		return nil, fmt.Errorf("the part reaches outside the text")
	}
	return string(runes[from : from+n]), nil
}

func contains(_ *scope, args []any) (any, error) {
	switch in := args[0].(type) {
	case string:
		part, ok := args[1].(string)
		if !ok {
			return nil, fmt.Errorf("argument 2 is no text")
		}
		return strings.Contains(in, part), nil
	case []any:
		for _, v := range in {
			if equal(v, args[1]) {
				return true, nil
			}
		}
		return false, nil
	case *object:
		return in.get(asText(args[1])) != nil, nil
	}
	return nil, fmt.Errorf("argument 1 is neither text, array nor object")
}

func length(_ *scope, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return int64(len([]rune(v))), nil
	case []any:
		return int64(len(v)), nil
	}
	return nil, fmt.Errorf("the argument is neither text nor array")
}

func empty(_ *scope, args []any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return true, nil
	case string:
		return v == "", nil
	case []any:
		return len(v) == 0, nil
	case *object:
		return len(v.members) == 0, nil
	}
	return nil, fmt.Errorf("the argument is neither text, array nor object")
}

func end(v any, last bool) (any, error) {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return nil, nil
		}
		if last {
			return v[len(v)-1], nil
		}
		return v[0], nil
	case string:
		runes := []rune(v)
		if len(runes) == 0 {
			return "", nil
		}
		if last {
			return string(runes[len(runes)-1]), nil
		}
		return string(runes[0]), nil
	}
	return nil, fmt.Errorf("the argument is neither text nor array")
}

func join(_ *scope, args []any) (any, error) {
	list, ok := args[0].([]any)
	by, okBy := args[1].(string)
	if !ok || !okBy {
		return nil, fmt.Errorf("an array and a text are needed")
	}
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = asText(v)
	}
	return limited(strings.Join(parts, by))
}
