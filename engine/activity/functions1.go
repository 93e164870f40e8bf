package activity

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
)

// call1 evaluates a variable or function of v1. Names are compared without regard to case.
func (s *scope) call1(c *call) (any, error) {
	name := strings.ToLower(c.name)
	if c.args == nil {
		return s.variable1(c.name)
	}
	args := make([]any, len(c.args))
	for i, a := range c.args {
		v, err := a.eval(s)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	if name == "text.format" {
		return composite(args)
	}
	if name == "datetime.from" {
		if err := count(c.name, args, 1, 1); err != nil {
			return nil, err
		}
		return date1(args[0])
	}
	if f, ok := moves1[name]; ok {
		if err := count(c.name, args, 2, 2); err != nil {
			return nil, err
		}
		t, err := date1(args[0])
		if err != nil {
			return nil, err
		}
		n, err := whole(args[1])
		if err != nil {
			return nil, err
		}
		return sane(f(t, n))
	}
	if f, ok := parts1[name]; ok {
		if err := count(c.name, args, 1, 1); err != nil {
			return nil, err
		}
		t, err := date1(args[0])
		if err != nil {
			return nil, err
		}
		return f(t), nil
	}
	return nil, unsupported("the function %q is not supported", c.name)
}

func unsupported(format string, args ...any) error {
	return fault.New(fault.Unsupported, format, args...)
}

func (s *scope) variable1(name string) (any, error) {
	v := s.values
	var t time.Time
	switch strings.ToLower(name) {
	case "windowstart", "slicestart":
		t = v.WindowStart
	case "windowend", "sliceend":
		t = v.WindowEnd
	default:
		return nil, unsupported("the variable %q is not supported; known: WindowStart, WindowEnd, SliceStart, SliceEnd", name)
	}
	if t.IsZero() {
		return nil, fmt.Errorf("%s has no value; give the run's window, windowStart and windowEnd, as parameters", name)
	}
	return t.UTC(), nil
}

var moves1 = map[string]func(time.Time, int64) time.Time{
	"time.addhours":    addHours,
	"time.addminutes":  addMinutes,
	"date.adddays":     func(t time.Time, n int64) time.Time { return t.AddDate(0, 0, int(n)) },
	"date.addweeks":    func(t time.Time, n int64) time.Time { return t.AddDate(0, 0, 7*int(n)) },
	"date.addmonths":   addMonths,
	"date.addquarters": func(t time.Time, n int64) time.Time { return addMonths(t, 3*n) },
	"date.addyears":    func(t time.Time, n int64) time.Time { return addMonths(t, 12*n) },
}

var parts1 = map[string]func(time.Time) any{
	"time.startofhour": func(t time.Time) any { return t.Truncate(time.Hour) },
	"date.day":         func(t time.Time) any { return int64(t.Day()) },
	"date.dayofweek":   func(t time.Time) any { return t.Weekday().String() },
	"date.dayofyear":   func(t time.Time) any { return int64(t.YearDay()) },
	"date.daysinmonth": func(t time.Time) any { return int64(daysIn(t.Year(), t.Month())) },
	"date.startofday":  func(t time.Time) any { return startOfDay(t) },
	"date.endofday":    func(t time.Time) any { return startOfDay(t).AddDate(0, 0, 1).Add(-100 * time.Nanosecond) },
	"date.endofmonth": func(t time.Time) any {
		return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, -100, time.UTC)
	},
	"datetime.ticks": func(t time.Time) any {
		const epoch = 621355968000000000 // 1970 in units of 100 ns since the year 1
		return epoch + t.Unix()*10_000_000 + int64(t.Nanosecond())/100
	},
}

// steps is as far as a date may be moved: any real calendar is shorter.
const steps = 4_000_000

func addHours(t time.Time, n int64) time.Time   { return t.Add(time.Duration(n) * time.Hour) }
func addMinutes(t time.Time, n int64) time.Time { return t.Add(time.Duration(n) * time.Minute) }

// addMonths keeps the day, or takes the month's last where that is shorter, as .NET does.
func addMonths(t time.Time, n int64) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).AddDate(0, int(n), 0)
	return first.AddDate(0, 0, min(t.Day(), daysIn(first.Year(), first.Month()))-1)
}

func daysIn(year int, m time.Month) int { return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }

func startOfDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// sane refuses what .NET's dates do not hold.
func sane(t time.Time) (any, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, fmt.Errorf("the date is outside the years 1 to 9999")
	}
	return t, nil
}

func date1(v any) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		return v, nil
	case string:
		return parseDate(v)
	}
	return time.Time{}, fmt.Errorf("a date is needed")
}

// whole takes a number of steps.
func whole(v any) (int64, error) {
	if s, ok := v.(string); ok {
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			v = n
		}
	}
	n, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("a whole number is needed")
	}
	if n < -steps || n > steps {
		return 0, fmt.Errorf("%d is too large", n)
	}
	return n, nil
}

func count(name string, args []any, least, most int) error {
	if len(args) >= least && len(args) <= most {
		return nil
	}
	if least == most {
		return fmt.Errorf("%s takes %d arguments, not %d", name, least, len(args))
	}
	return fmt.Errorf("%s takes %d to %d arguments, not %d", name, least, most, len(args))
}

// composite is .NET's String.Format: "{0:yyyy-MM-dd}" and "{{" for a brace.
func composite(args []any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("Text.Format takes a format and its values")
	}
	format, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("the format of Text.Format must be a text")
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(format) && format[i+1] == c:
			b.WriteByte(c)
			i++
		case c == '{':
			end := strings.IndexByte(format[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("the format has { without }")
			}
			s, err := formatItem(format[i+1:i+end], args[1:])
			if err != nil {
				return nil, err
			}
			b.WriteString(s)
			i += end
		case c == '}':
			return nil, fmt.Errorf("the format has } without {")
		default:
			b.WriteByte(c)
		}
	}
	return limited(b.String())
}

// formatItem writes "index[,width][:format]".
func formatItem(item string, args []any) (string, error) {
	head, format, _ := strings.Cut(item, ":")
	index, width, aligned := strings.Cut(head, ",")
	n, err := strconv.Atoi(strings.TrimSpace(index))
	if err != nil || n < 0 || n >= len(args) {
		return "", fmt.Errorf("the format asks for value {%s} of %d", index, len(args))
	}
	var s string
	switch v := args[n].(type) {
	case time.Time:
		if s, err = formatDate(v, format); err != nil {
			return "", err
		}
	case int64:
		if s, err = formatWhole(v, format); err != nil {
			return "", err
		}
	default:
		if format != "" {
			return "", fmt.Errorf("the format %q is for dates and whole numbers", format)
		}
		s = asText(v)
	}
	if aligned {
		w, err := strconv.Atoi(strings.TrimSpace(width))
		if err != nil || w < -1000 || w > 1000 {
			return "", fmt.Errorf("%q is no width", width)
		}
		s = fmt.Sprintf("%*s", w, s)
	}
	return s, nil
}

// formatWhole writes a number with D (digits) or zeros ("00").
func formatWhole(v int64, format string) (string, error) {
	width := 0
	switch {
	case format == "":
	case strings.Trim(format, "0") == "":
		width = len(format)
	case format[0] == 'D' || format[0] == 'd':
		n, err := strconv.Atoi("0" + format[1:])
		if err != nil || n > 100 {
			return "", fmt.Errorf("the number format %q is not supported", format)
		}
		width = n
	default:
		return "", fmt.Errorf("the number format %q is not supported", format)
	}
	if v < 0 {
		width++
	}
	return fmt.Sprintf("%0*d", width, v), nil
}
