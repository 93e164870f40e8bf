package activity

import (
	"fmt"
	"strings"
	"time"
)

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
