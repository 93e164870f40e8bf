package batch

import "math"

// Days of the years 1 to 9999, counted from 1970-01-01: what .NET, SQL Server and most stores can hold.
const (
	MinDay = -719162
	MaxDay = 2932896
)

// Civil gives year (astronomical: 0 is 1 BC), month and day of a day counted from 1970-01-01, proleptic Gregorian.
func Civil(day int64) (year, month, d int) {
	z := day + 719468 // from 0000-03-01
	if uint64(z) < 1<<28 {
		return civilQuick(uint32(z))
	}
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := uint32(z - era*146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	month = int(mp) + 3
	if month > 12 {
		month -= 12
	}
	year = int(int64(yoe) + era*400)
	if month <= 2 {
		year++
	}
	return year, month, d
}

// civilQuick is Civil for days from 0000-03-01 on, by multiplications alone; the constants are those of C. Neri and
// L. Schneider, "Euclidean affine functions and their application to calendar algorithms", 2023.
func civilQuick(z uint32) (year, month, d int) {
	n := 4*z + 3
	century, rest := n/146097, n%146097/4
	p := 2939745 * uint64(4*rest+3)
	yoc, doy := uint32(p>>32), uint32(p)/2939745/4
	m := 2141*doy + 197913
	year, month, d = int(100*century+yoc), int(m>>16), int(m&0xffff/2141)+1
	if doy >= 306 { // January and February belong to the year before
		year, month = year+1, month-12
	}
	return year, month, d
}

// Day is the inverse of [Civil]. The date must exist.
func Day(year, month, d int) int64 {
	if uint(year) < 100_000 { // the usual case in 32-bit numbers without sign
		y, m := uint32(year)+400, uint32(month) // 400 years are 146,097 days, whatever they begin with
		if m <= 2 {
			y, m = y-1, m+12
		}
		century := y / 100
		return int64(1461*y/4-century+century/4+(979*m-2919)/32+uint32(d)) - 719469 - 146097
	}
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	mp := int64(month+9) % 12
	doy := (153*mp+2)/5 + int64(d) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

func isLeap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

var monthDays = [13]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func daysIn(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return int(monthDays[month])
}

// validDate reports whether the date exists.
func validDate(year, month, d int) bool {
	return uint(month-1) < 12 && d >= 1 && d <= daysIn(year, month)
}

// splitDay takes an instant apart into the day and the steps since its midnight. Each unit has its own constant, which
// the compiler turns into a multiplication.
func splitDay(v int64, u Unit) (day, rest int64) {
	switch u {
	case Second:
		day, rest = v/86400, v%86400
	case Milli:
		day, rest = v/86400e3, v%86400e3
	case Micro:
		day, rest = v/86400e6, v%86400e6
	case Tick:
		day, rest = v/86400e7, v%86400e7
	default:
		day, rest = v/86400e9, v%86400e9
	}
	if rest < 0 {
		day--
		rest += 86400 * u.PerSecond()
	}
	return day, rest
}

// splitSecond takes steps since midnight apart into whole seconds and the steps of the last one.
func splitSecond(v int64, u Unit) (sec, rest int64) {
	switch u {
	case Second:
		return v, 0
	case Milli:
		return v / 1e3, v % 1e3
	case Micro:
		return v / 1e6, v % 1e6
	case Tick:
		return v / 1e7, v % 1e7
	}
	return v / 1e9, v % 1e9
}

// joinDay is the inverse of splitDay; false where the unit cannot reach so far.
func joinDay(day, rest int64, u Unit) (int64, bool) {
	if limit := dayLimit[u]; day >= limit || day <= -limit {
		return 0, false
	}
	return day*86400*u.PerSecond() + rest, true
}

// dayLimit is how many days fit the int64 of each unit.
var dayLimit = [...]int64{
	math.MaxInt64 / 86_400, math.MaxInt64 / 86_400_000, math.MaxInt64 / 86_400_000_000, math.MaxInt64 / 864_000_000_000,
	math.MaxInt64 / 86_400_000_000_000,
}

// rescale turns a count of one unit into another. Towards a coarser unit it rounds down and says whether that cut
// something off; towards a finer one it says whether the number overflows.
func rescale(v int64, from, to Unit) (int64, problem) {
	f, t := from.PerSecond(), to.PerSecond()
	if t >= f {
		k := t / f
		w := v * k
		if k > 1 && (v > math.MaxInt64/k || v < math.MinInt64/k) {
			return 0, tooBig
		}
		return w, fine
	}
	k := f / t
	q, r := v/k, v%k
	if r == 0 {
		return q, fine
	}
	if r < 0 {
		q--
	}
	return q, tooFine
}
