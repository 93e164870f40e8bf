package props

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// timeSpan is .NET's text form: sign, days, hours, minutes, seconds, fraction.
var timeSpan = regexp.MustCompile(`^(-?)(?:(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?|(\d{1,8}))$`)

// maxDays of a time span is the largest whole number that a time.Duration holds.
const maxDays = int64(math.MaxInt64/(24*time.Hour)) - 1

// ParseTimeSpan reads .NET's "[-][d.]hh:mm[:ss[.fffffff]]" or a bare number of days.
func ParseTimeSpan(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no time span such as 00:30:00 or 1.00:00:00", s)
	m := timeSpan.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, bad
	}
	number := func(digits string) int64 {
		n, _ := strconv.ParseInt("0"+digits, 10, 64) // only a few digits
		return n
	}
	days, h, min, sec := number(m[2]+m[7]), number(m[3]), number(m[4]), number(m[5])
	if days > maxDays || h > 23 || min > 59 || sec > 59 {
		return 0, bad
	}
	ticks := number((m[6] + "0000000")[:7])
	d := time.Duration(days)*24*time.Hour + time.Duration(h)*time.Hour + time.Duration(min)*time.Minute + time.Duration(sec)*time.Second + time.Duration(ticks)*100
	if m[1] == "-" {
		d = -d
	}
	return d, nil
}
