package batch

import "fmt"

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

// Lossless tells whether every value of from can become a value of to and nothing of it is lost; if not, why says what a
// plan shows the person before the run: what can be refused row by row, or is lost. It is false for pairs that
// [NewConverter] refuses.
func Lossless(from, to Type) (ok bool, why string) {
	a, b := familyOf(from.Kind), familyOf(to.Kind)
	switch {
	case a == 0 || b == 0:
		return false, refuse(from, to).Message
	case a == texts && b == texts:
		return losslessText(from, to)
	case to.Kind == String:
		if to.Length > 0 && to.Length < longest(from) {
			return false, fmt.Sprintf("texts longer than %d characters are refused", to.Length)
		}
		return true, ""
	case from.Kind == String:
		return false, fmt.Sprintf("texts that are not a %s are refused", to)
	case a != b:
		return false, refuse(from, to).Message
	case a == numbers:
		return losslessNumber(from, to)
	case a == dates:
		return losslessDate(from, to)
	case a == spans:
		if from.Kind == Duration && to.Kind == Time {
			return false, "negative durations and those of a day or more are refused"
		}
		return losslessUnit(from, to)
	}
	return losslessBlob(from, to)
}

func losslessText(from, to Type) (bool, string) {
	switch {
	case to.Kind == JSON && from.Kind == XML, to.Kind == XML && from.Kind == JSON:
		return false, refuse(from, to).Message
	case to.Kind == JSON && from.Kind == String:
		return false, "texts that are not JSON are refused"
	case to.Length > 0 && (from.Length == 0 || from.Length > to.Length):
		return false, fmt.Sprintf("texts longer than %d characters are refused", to.Length)
	}
	return true, ""
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

func losslessNumber(from, to Type) (bool, string) {
	floating := to.Kind == Single || to.Kind == Double
	switch {
	case from.Kind == to.Kind && from.Kind != Decimal:
		return true, ""
	case from.Kind == Single && to.Kind == Double:
		return true, ""
	case from.Kind == Double && to.Kind == Single:
		return false, "numbers of more than 7 digits are refused"
	case from.Kind == Single || from.Kind == Double:
		if to.Kind == Decimal && to.Precision == 0 {
			return true, ""
		}
		return false, fmt.Sprintf("numbers that are not exactly a %s are refused", to)
	case floating:
		exact := 15
		if to.Kind == Single {
			exact = 6
		}
		if p, _ := digits(from); p > 0 && p <= exact {
			return true, ""
		}
		return false, fmt.Sprintf("digits after the %dth are rounded", exact)
	}
	return losslessDigits(from, to)
}

func losslessDigits(from, to Type) (bool, string) {
	fp, fs := digits(from)
	tp, ts := digits(to)
	unbounded := to.Kind == Decimal && to.Precision == 0
	switch {
	case unbounded:
		return true, ""
	case from.Kind == Decimal && from.Precision == 0:
		return false, fmt.Sprintf("numbers that do not fit %s are refused", to)
	case fs > ts:
		return false, fmt.Sprintf("numbers with more than %d digits after the point are refused", ts)
	case to.Kind == Decimal && fp-fs <= tp-ts:
		return true, ""
	case to.Kind != Decimal && from.Kind == Decimal && fp < tp:
		return true, ""
	case to.Kind != Decimal && from.Kind != Decimal:
		flow, fhigh := intRange(from)
		tlow, thigh := intRange(to)
		if flow >= tlow && fhigh <= thigh {
			return true, ""
		}
	}
	return false, fmt.Sprintf("numbers outside the range of %s are refused", to)
}

func losslessDate(from, to Type) (bool, string) {
	switch {
	case from.Kind == Date && to.Kind == Date:
		return true, ""
	case to.Kind == Date:
		return false, "times of day other than midnight are refused"
	case from.Kind == Date:
		if to.Unit == Nano {
			return false, "dates outside the years 1678 to 2261 are refused"
		}
		return true, ""
	case from.Kind == TimestampTZ && to.Kind == Timestamp:
		return false, "the time zone is lost: times are in UTC, and times with an offset are refused"
	}
	return losslessUnit(from, to)
}

func losslessUnit(from, to Type) (bool, string) {
	switch {
	case to.Unit < from.Unit:
		return false, fmt.Sprintf("digits after the second's %dth are refused", to.Unit.Digits())
	case to.Unit == Nano && from.Unit != Nano && familyOf(from.Kind) == dates:
		return false, "dates outside the years 1678 to 2261 are refused"
	case to.Unit > from.Unit && from.Kind == Duration:
		return false, fmt.Sprintf("durations outside the range of %s are refused", to)
	}
	return true, ""
}

func losslessBlob(from, to Type) (bool, string) {
	switch {
	case from.Kind == GUID && to.Kind == Binary:
		if to.Length > 0 && to.Length < 16 {
			return false, fmt.Sprintf("values longer than %d bytes are refused", to.Length)
		}
	case from.Kind == Binary && to.Kind == GUID:
		return false, "values that are not 16 bytes are refused"
	case to.Length > 0 && (from.Length == 0 || from.Length > to.Length):
		return false, fmt.Sprintf("values longer than %d bytes are refused", to.Length)
	}
	return true, ""
}
