package activity

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
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

func not(_ *scope, args []any) (any, error) {
	b, ok := args[0].(bool)
	if !ok {
		return nil, fmt.Errorf("the argument is neither true nor false")
	}
	return !b, nil
}

func utcNow(s *scope, args []any) (any, error) {
	now := s.values.Now
	if now.IsZero() {
		return nil, fmt.Errorf("the run's time is not known")
	}
	return s.dateText(now, args)
}

// dateText writes a date in the format that args begins with, else in .NET's round-trip format.
func (s *scope) dateText(t time.Time, args []any) (any, error) {
	if _, err := sane(t); err != nil {
		return nil, err
	}
	format := roundTrip
	if len(args) > 0 {
		f, ok := args[0].(string)
		if !ok {
			return nil, fmt.Errorf("the format is no text")
		}
		format = f
	}
	return formatDate(t, format)
}

// dated makes a function of a date and, where args is 2, a number; a format may follow.
func dated(args int, f func(time.Time, int64) time.Time) func(*scope, []any) (any, error) {
	return func(s *scope, a []any) (any, error) {
		t, err := date1(a[0])
		if err != nil {
			return nil, err
		}
		var n int64
		if args == 2 {
			if n, err = whole(a[1]); err != nil {
				return nil, err
			}
		}
		return s.dateText(f(t, n), a[args:])
	}
}

// addToTime is addToTime(date, number, unit[, format]).
func addToTime(sign int64) func(*scope, []any) (any, error) {
	return func(s *scope, a []any) (any, error) {
		t, err := date1(a[0])
		if err != nil {
			return nil, err
		}
		n, err := whole(a[1])
		if err != nil {
			return nil, err
		}
		n *= sign
		switch strings.ToLower(asText(a[2])) {
		case "second":
			t = t.Add(time.Duration(n) * time.Second)
		case "minute":
			t = addMinutes(t, n)
		case "hour":
			t = addHours(t, n)
		case "day":
			t = t.AddDate(0, 0, int(n))
		case "week":
			t = t.AddDate(0, 0, 7*int(n))
		case "month":
			t = addMonths(t, n)
		case "year":
			t = addMonths(t, 12*n)
		default:
			return nil, fmt.Errorf("%q is no unit of time", asText(a[2]))
		}
		return s.dateText(t, a[3:])
	}
}

func datePart2(f func(time.Time) int64) func(*scope, []any) (any, error) {
	return func(_ *scope, a []any) (any, error) {
		t, err := date1(a[0])
		if err != nil {
			return nil, err
		}
		return f(t), nil
	}
}

func toInt(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case float64:
		if math.Abs(v) < 1<<62 {
			return int64(v), nil
		}
	case string:
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("the value is no whole number")
}

func toFloat(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("the value is no number")
}

func toBool(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	case string:
		if b, err := strconv.ParseBool(strings.ToLower(v)); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("the value is neither true nor false")
}

func fromJSON(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return v, nil
	}
	o, err := readTree([]byte(`{"v":` + s + `}`))
	if err != nil || len(o.members) != 1 {
		return nil, fmt.Errorf("the text is no JSON")
	}
	return evaluated(o.members[0].value), nil
}

// evaluated turns a value of a JSON tree into a value of expressions.
func evaluated(v any) any {
	if n, ok := v.(json.Number); ok {
		if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
			return i
		}
		f, err := n.Float64()
		if err != nil {
			return n.String()
		}
		return f
	}
	return v
}

// treed is the way back.
func treed(v any) any {
	switch v := v.(type) {
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case float64:
		return json.Number(strconv.FormatFloat(v, 'g', -1, 64))
	case time.Time:
		return asText(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = treed(v[i])
		}
		return list
	}
	return v
}

// asText is a value inside a text.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		return v.String()
	case time.Time:
		if v.Nanosecond() == 0 {
			return v.UTC().Format("2006-01-02T15:04:05Z")
		}
		return v.UTC().Format("2006-01-02T15:04:05.0000000Z")
	case *object, []any:
		return string(writeTree(treed(v)))
	}
	return ""
}

func equal(a, b any) bool {
	a, b = evaluated(a), evaluated(b)
	if c, ok := compare(a, b); ok {
		return c == 0
	}
	switch a.(type) {
	case nil, bool:
		switch b.(type) {
		case nil, bool:
			return a == b
		}
		return false
	}
	_, okA := a.(*object)
	_, okB := b.(*object)
	listA, okLA := a.([]any)
	listB, okLB := b.([]any)
	return (okA && okB || okLA && okLB && len(listA) == len(listB)) && asText(a) == asText(b)
}

// compare orders two numbers or two texts.
func compare(a, b any) (int, bool) {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return strings.Compare(s, t), ok
	}
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			switch {
			case x < y:
				return -1, true
			case x > y:
				return 1, true
			}
			return 0, true
		}
	}
	x, okX := number(a)
	y, okY := number(b)
	switch {
	case !okX || !okY:
		return 0, false
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
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

func escapeURI(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
