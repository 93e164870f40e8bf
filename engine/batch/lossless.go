package batch

import (
	"fmt"
	"strings"
)

// Fits reports whether every value of from is a value of to as it is: same storage, same scale or unit, range included.
// A column can then be handed on under the other type without looking at it.
func Fits(from, to Type) bool {
	if from.Storage() != to.Storage() || familyOf(from.Kind) != familyOf(to.Kind) || from.Kind == Date && to.Kind != Date {
		return false
	}
	if familyOf(from.Kind) == numbers && familyOf(to.Kind) == numbers && from.Storage() == InInts {
		fp, fs := digits(from)
		tp, ts := digits(to)
		if fs != ts {
			return false
		}
		switch {
		case to.Kind == Decimal:
			return fp <= tp
		case from.Kind == Decimal:
			return fp < tp // Int16 reaches 32767, so it holds four digits
		}
		flow, fhigh := intRange(from)
		tlow, thigh := intRange(to)
		return flow >= tlow && fhigh <= thigh
	}
	ok, _ := Lossless(from, to)
	return ok && from.Scale == to.Scale && from.Unit == to.Unit
}

// Lossless tells whether every value of from can become a value of to and nothing of it is lost; if not, why says what can
// be refused row by row, or is lost. It is false for pairs that [NewConverter] refuses.
func Lossless(from, to Type) (ok bool, why string) {
	losses := Losses(from, to, Options{})
	if len(losses) == 0 {
		return true, ""
	}
	return false, strings.Join(losses, "; ")
}

// Losses lists everything of a type that cannot become another with these options: what a plan shows the person before
// the run. Nothing is lost silently: a value is refused, and its row with it, unless the entry says that it is cut or
// rounded.
func Losses(from, to Type, o Options) []string {
	a, b := familyOf(from.Kind), familyOf(to.Kind)
	switch {
	case a == 0 || b == 0:
		return []string{refuse(from, to).Message}
	case a == texts && b == texts:
		return lossesText(from, to)
	case to.Kind == String:
		return lossesPrinted(from, to, o)
	case from.Kind == String:
		return lossesParsed(to, o)
	case a != b:
		return []string{refuse(from, to).Message}
	case a == numbers:
		return lossesNumber(from, to, o)
	case a == dates:
		return lossesDate(from, to, o)
	case a == spans:
		if from.Kind == Duration && to.Kind == Time {
			return append([]string{"negative durations and those of a day or more are refused"}, lossesUnit(from, to, o)...)
		}
		return lossesUnit(from, to, o)
	}
	return lossesBlob(from, to)
}

// fate is what happens to what does not fit.
func (o Options) fate() string {
	if o.Truncate {
		return "cut"
	}
	return "refused"
}

func one(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }

func lossesText(from, to Type) (list []string) {
	switch {
	case to.Kind == JSON && from.Kind == XML, to.Kind == XML && from.Kind == JSON:
		return []string{refuse(from, to).Message}
	case to.Kind == JSON && from.Kind == String:
		return one("texts that are not JSON are refused")
	case to.Length > 0 && (from.Length == 0 || from.Length > to.Length):
		return one("texts longer than %d characters are refused", to.Length)
	}
	return nil
}

// lossesPrinted is for values that become text, which a format can shorten.
func lossesPrinted(from, to Type, o Options) (list []string) {
	if l, _, err := o.layout(from); err == nil && l != nil && !keepsAll(from, l) {
		list = one("what the format %q does not show is lost", o.Format)
	} else if to.Length > 0 && to.Length < longest(from) {
		return one("texts longer than %d characters are refused", to.Length)
	}
	return list
}

// keepsAll reports whether a format shows every part of a type's values.
func keepsAll(t Type, l textual) bool {
	var seen [256]int
	var tokens []token
	switch l := l.(type) {
	case *layout:
		tokens = l.tokens
	case *span:
		tokens = l.tokens
	}
	for _, x := range tokens {
		seen[x.letter] = max(seen[x.letter], x.n)
	}
	date := seen['y'] > 2 && seen['M'] > 0 && seen['d'] > 0
	clock := (seen['H'] > 0 || seen['h'] > 0 && (seen['t'] > 0 || t.Kind == Duration || t.Kind == Time)) && seen['m'] > 0 && seen['s'] > 0 &&
		max(seen['f'], seen['F']) >= t.Unit.Digits()
	switch t.Kind {
	case Date:
		return date
	case Timestamp:
		return date && clock
	case TimestampTZ:
		return date && clock && (seen['K'] > 0 || seen['z'] > 0)
	case Duration:
		return clock && seen['d'] > 0
	}
	return clock
}

func lossesParsed(to Type, o Options) []string {
	list := one("texts that are not a %s are refused", to)
	if o.Truncate && (to.Kind == Decimal && to.Precision > 0 || familyOf(to.Kind) == dates) {
		list = append(list, "digits and parts that it cannot keep are cut")
	}
	return list
}

// longest is the largest number of characters that AppendText makes of a type; very large where unbounded.
func longest(t Type) int {
	switch t.Kind {
	case Boolean:
		return 5
	case Byte:
		return 3
	case Int16:
		return 6
	case Int32:
		return 11
	case Int64:
		return 20
	case Single:
		return 14
	case Double:
		return 24
	case Decimal:
		if t.Precision > 0 {
			return t.Precision + 3
		}
	case Date:
		return 13
	case Time, Duration:
		return 27
	case Timestamp, TimestampTZ:
		return 38
	case GUID:
		return 36
	case Binary:
		if t.Length > 0 {
			return 2 + 2*t.Length
		}
	}
	return 1 << 31
}

func lossesNumber(from, to Type, o Options) []string {
	switch {
	case from.Kind == to.Kind && from.Kind != Decimal, from.Kind == Single && to.Kind == Double:
		return nil
	case from.Kind == Double && to.Kind == Single:
		if o.Truncate {
			return []string{"digits after the 7th are rounded", "numbers outside the range of Single are refused"}
		}
		return one("numbers of more than 7 digits are refused")
	case from.Kind == Single || from.Kind == Double:
		switch {
		case to.Kind == Decimal && to.Precision == 0:
			return one("NaN and Infinity are refused")
		case o.Truncate:
			return one("digits that %s cannot keep are cut", to)
		}
		return one("numbers that are not exactly a %s are refused", to)
	case to.Kind == Single || to.Kind == Double:
		exact := 15
		if to.Kind == Single {
			exact = 6
		}
		if p, _ := digits(from); p > 0 && p <= exact {
			return nil
		}
		return one("digits after the %dth are rounded", exact)
	}
	return lossesDigits(from, to, o)
}

func lossesDigits(from, to Type, o Options) (list []string) {
	fp, fs := digits(from)
	tp, ts := digits(to)
	switch {
	case to.Kind == Decimal && to.Precision == 0:
		return nil
	case from.Kind == Decimal && from.Precision == 0:
		if o.Truncate {
			list = one("digits that %s cannot keep are cut", to)
		}
		return append(list, fmt.Sprintf("numbers that do not fit %s are refused", to))
	case fs > ts && o.Truncate:
		list = one("digits after the point beyond %d are cut", ts)
	case fs > ts:
		list = one("numbers with more than %d digits after the point are refused", ts)
	}
	if !inRange(from, to, fp-fs, tp-ts) {
		list = append(list, fmt.Sprintf("numbers outside the range of %s are refused", to))
	}
	return list
}

// inRange reports whether the whole part of every number of from is one of to, given the digits before the point.
func inRange(from, to Type, have, room int) bool {
	switch {
	case to.Kind == Decimal:
		return have <= room
	case from.Kind == Decimal:
		return have < room
	}
	flow, fhigh := intRange(from)
	tlow, thigh := intRange(to)
	return flow >= tlow && fhigh <= thigh
}

func lossesDate(from, to Type, o Options) (list []string) {
	switch {
	case from.Kind == Date && to.Kind == Date:
		return nil
	case to.Kind == Date:
		if from.Kind == TimestampTZ {
			list = one("the time zone is lost: times with an offset are %s", o.fate())
		}
		return append(list, "times of day other than midnight are "+o.fate())
	case from.Kind == Date:
		if to.Unit == Nano {
			return one("dates outside the years 1678 to 2261 are refused")
		}
		return nil
	case from.Kind == TimestampTZ && to.Kind == Timestamp && o.Truncate:
		list = one("the time zone is lost: times become those of UTC")
	case from.Kind == TimestampTZ && to.Kind == Timestamp:
		list = one("the time zone is lost: times are in UTC, and times with an offset are refused")
	}
	return append(list, lossesUnit(from, to, o)...)
}

func lossesUnit(from, to Type, o Options) []string {
	switch {
	case to.Unit < from.Unit:
		return one("digits after the second's %dth are %s", to.Unit.Digits(), o.fate())
	case to.Unit == Nano && from.Unit != Nano && familyOf(from.Kind) == dates:
		return one("dates outside the years 1678 to 2261 are refused")
	case to.Unit > from.Unit && from.Kind == Duration:
		return one("durations outside the range of %s are refused", to)
	}
	return nil
}

func lossesBlob(from, to Type) []string {
	switch {
	case from.Kind == GUID && to.Kind == Binary:
		if to.Length > 0 && to.Length < 16 {
			return one("values longer than %d bytes are refused", to.Length)
		}
	case from.Kind == Binary && to.Kind == GUID:
		return one("values that are not 16 bytes are refused")
	case to.Length > 0 && (from.Length == 0 || from.Length > to.Length):
		return one("values longer than %d bytes are refused", to.Length)
	}
	return nil
}
