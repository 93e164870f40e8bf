package activity

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// function2 is a function of v2 with the number of arguments it takes.
type function2 struct {
	least, most int
	do          func(s *scope, args []any) (any, error)
}

const many = 1000

// functions2 are the functions of v2 by lower-case name. "if", "and", "or" and "coalesce" evaluate only what they need
// and are in call2.
var functions2 = map[string]function2{
	"concat":             {1, many, concat},
	"string":             {1, 1, func(_ *scope, a []any) (any, error) { return limited(asText(a[0])) }},
	"int":                {1, 1, func(_ *scope, a []any) (any, error) { return toInt(a[0]) }},
	"float":              {1, 1, func(_ *scope, a []any) (any, error) { return toFloat(a[0]) }},
	"bool":               {1, 1, func(_ *scope, a []any) (any, error) { return toBool(a[0]) }},
	"json":               {1, 1, func(_ *scope, a []any) (any, error) { return fromJSON(a[0]) }},
	"base64":             {1, 1, texts(func(t []string) (any, error) { return base64.StdEncoding.EncodeToString([]byte(t[0])), nil })},
	"tolower":            {1, 1, texts(func(t []string) (any, error) { return strings.ToLower(t[0]), nil })},
	"toupper":            {1, 1, texts(func(t []string) (any, error) { return strings.ToUpper(t[0]), nil })},
	"trim":               {1, 1, texts(func(t []string) (any, error) { return strings.TrimSpace(t[0]), nil })},
	"replace":            {3, 3, texts(replace)},
	"startswith":         {2, 2, texts(func(t []string) (any, error) { return hasPrefixFold(t[0], t[1]), nil })},
	"endswith":           {2, 2, texts(func(t []string) (any, error) { return hasSuffixFold(t[0], t[1]), nil })},
	"indexof":            {2, 2, texts(func(t []string) (any, error) { return indexFold(t[0], t[1], false), nil })},
	"lastindexof":        {2, 2, texts(func(t []string) (any, error) { return indexFold(t[0], t[1], true), nil })},
	"split":              {2, 2, texts(split)},
	"substring":          {2, 3, substring},
	"contains":           {2, 2, contains},
	"length":             {1, 1, length},
	"empty":              {1, 1, empty},
	"first":              {1, 1, func(_ *scope, a []any) (any, error) { return end(a[0], false) }},
	"last":               {1, 1, func(_ *scope, a []any) (any, error) { return end(a[0], true) }},
	"join":               {2, 2, join},
	"createarray":        {0, many, func(_ *scope, a []any) (any, error) { return append([]any{}, a...), nil }},
	"equals":             {2, 2, func(_ *scope, a []any) (any, error) { return equal(a[0], a[1]), nil }},
	"not":                {1, 1, not},
	"greater":            {2, 2, compared(func(c int) bool { return c > 0 })},
	"greaterorequals":    {2, 2, compared(func(c int) bool { return c >= 0 })},
	"less":               {2, 2, compared(func(c int) bool { return c < 0 })},
	"lessorequals":       {2, 2, compared(func(c int) bool { return c <= 0 })},
	"add":                {2, 2, arithmetic("add")},
	"sub":                {2, 2, arithmetic("sub")},
	"mul":                {2, 2, arithmetic("mul")},
	"div":                {2, 2, arithmetic("div")},
	"mod":                {2, 2, arithmetic("mod")},
	"utcnow":             {0, 1, utcNow},
	"formatdatetime":     {1, 2, dated(1, func(t time.Time, _ int64) time.Time { return t })},
	"addseconds":         {2, 3, dated(2, func(t time.Time, n int64) time.Time { return t.Add(time.Duration(n) * time.Second) })},
	"addminutes":         {2, 3, dated(2, addMinutes)},
	"addhours":           {2, 3, dated(2, addHours)},
	"adddays":            {2, 3, dated(2, func(t time.Time, n int64) time.Time { return t.AddDate(0, 0, int(n)) })},
	"startofhour":        {1, 2, dated(1, func(t time.Time, _ int64) time.Time { return t.Truncate(time.Hour) })},
	"startofday":         {1, 2, dated(1, func(t time.Time, _ int64) time.Time { return startOfDay(t) })},
	"startofmonth":       {1, 2, dated(1, func(t time.Time, _ int64) time.Time { return startOfDay(t).AddDate(0, 0, 1-t.Day()) })},
	"addtotime":          {3, 4, addToTime(1)},
	"subtractfromtime":   {3, 4, addToTime(-1)},
	"dayofmonth":         {1, 1, datePart2(func(t time.Time) int64 { return int64(t.Day()) })},
	"dayofweek":          {1, 1, datePart2(func(t time.Time) int64 { return int64(t.Weekday()) })},
	"dayofyear":          {1, 1, datePart2(func(t time.Time) int64 { return int64(t.YearDay()) })},
	"ticks":              {1, 1, datePart2(func(t time.Time) int64 { return parts1["datetime.ticks"](t).(int64) })},
	"pipeline":           {0, 0, func(s *scope, _ []any) (any, error) { return s.pipeline() }},
	"trigger":            {0, 0, func(s *scope, _ []any) (any, error) { return s.trigger() }},
	"dataset":            {0, 0, func(s *scope, _ []any) (any, error) { return s.parametersOf("dataset", s.dataset) }},
	"linkedservice":      {0, 0, func(s *scope, _ []any) (any, error) { return s.parametersOf("linkedService", s.linked) }},
	"encodeuricomponent": {1, 1, texts(func(t []string) (any, error) { return limited(escapeURI(t[0])) })},
}

// call2 evaluates a function of v2.
func (s *scope) call2(c *call) (any, error) {
	name := strings.ToLower(c.name)
	switch name {
	case "if":
		return s.choose(c)
	case "and", "or":
		return s.logic(c, name == "or")
	case "coalesce":
		for _, a := range c.args {
			if v, err := a.eval(s); err != nil || v != nil {
				return v, err
			}
		}
		return nil, nil
	}
	f, ok := functions2[name]
	if !ok {
		return nil, unsupported("the function %q is not supported", c.name)
	}
	args := make([]any, len(c.args))
	for i, a := range c.args {
		v, err := a.eval(s)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	if err := count(c.name, args, f.least, f.most); err != nil {
		return nil, err
	}
	v, err := f.do(s, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return v, nil
}

func (s *scope) choose(c *call) (any, error) {
	if len(c.args) != 3 {
		return nil, fmt.Errorf("if takes 3 arguments, not %d", len(c.args))
	}
	v, err := c.args[0].eval(s)
	if err != nil {
		return nil, err
	}
	yes, ok := v.(bool)
	if !ok {
		return nil, fmt.Errorf("if: the condition is neither true nor false")
	}
	if yes {
		return c.args[1].eval(s)
	}
	return c.args[2].eval(s)
}

func (s *scope) logic(c *call, or bool) (any, error) {
	for _, a := range c.args {
		v, err := a.eval(s)
		if err != nil {
			return nil, err
		}
		b, ok := v.(bool)
		if !ok {
			return nil, fmt.Errorf("%s: an argument is neither true nor false", c.name)
		}
		if b == or {
			return or, nil
		}
	}
	return !or, nil
}

func not(_ *scope, args []any) (any, error) {
	b, ok := args[0].(bool)
	if !ok {
		return nil, fmt.Errorf("the argument is neither true nor false")
	}
	return !b, nil
}

func compared(f func(int) bool) func(*scope, []any) (any, error) {
	return func(_ *scope, a []any) (any, error) {
		c, ok := compare(a[0], a[1])
		if !ok {
			return nil, fmt.Errorf("two numbers or two texts are needed")
		}
		return f(c), nil
	}
}
