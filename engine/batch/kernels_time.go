package batch

import "math"

// dateKernel converts between Date, Timestamp and TimestampTZ. A Timestamp is taken as UTC.
func dateKernel(from, to Type, o Options) kernel {
	switch {
	case from.Kind == Date && to.Kind == Date:
		return same(InInts, nil)
	case from.Kind == Date:
		per := 86400 * to.Unit.PerSecond()
		limit := math.MaxInt64 / per
		return mapValues(ints, toInts, func(v int64) (int64, problem) {
			if v > limit || v < -limit {
				return 0, tooBig
			}
			return v * per, fine
		})
	case to.Kind == Date:
		return toDate(from, o)
	case from.Kind == TimestampTZ && to.Kind == Timestamp && !o.Truncate:
		return withoutZone(from, to)
	}
	return unitKernel(from, to, o)
}

// unitKernel changes the unit, and keeps zones from a TimestampTZ to another.
func unitKernel(from, to Type, o Options) kernel {
	if from.Unit == to.Unit {
		return same(InInts, nil)
	}
	k := mapValues(ints, toInts, lenient(o, unitChange(from.Unit, to.Unit)))
	if from.Kind != TimestampTZ || to.Kind != TimestampTZ {
		return k
	}
	return kernel{bulk: func(p *pass) {
		k.bulk(p)
		p.copyZones()
	}}
}

// unitChange gives rescale with the factor worked out beforehand.
func unitChange(from, to Unit) func(int64) (int64, problem) {
	f, t := from.PerSecond(), to.PerSecond()
	if t < f {
		return func(v int64) (int64, problem) { return rescale(v, from, to) }
	}
	k := t / f
	limit := math.MaxInt64 / k
	return func(v int64) (int64, problem) {
		if v > limit || v < -limit {
			return 0, tooBig
		}
		return v * k, fine
	}
}

// withoutZone gives the UTC clock time; an offset other than UTC's would be lost and is refused.
func withoutZone(from, to Type) kernel {
	k := unitKernel(from, Type{Kind: Timestamp, Unit: to.Unit}, Options{})
	checked := kernel{rows: func(p *pass) {
		for i := range p.src.n {
			if p.src.IsNull(i) {
				p.dst.AppendNull()
				continue
			}
			v, why := rescale(p.src.Ints[i], from.Unit, to.Unit)
			if p.src.Zone(i) != 0 {
				why = hasZone
			}
			if why == fine {
				p.dst.AppendInt(v)
			} else if p.fail(i, why) {
				p.dst.AppendNull()
			} else {
				return
			}
		}
	}}
	return kernel{rows: func(p *pass) {
		if len(p.src.Zones) > 0 {
			checked.rows(p)
			return
		}
		p.dst.extend(p.src)
		k.bulk(p)
	}}
}

// toDate gives the day on the wall clock where the value was written; a time of day would be lost.
func toDate(from Type, o Options) kernel {
	return kernel{rows: func(p *pass) {
		for i := range p.src.n {
			if p.src.IsNull(i) {
				p.dst.AppendNull()
				continue
			}
			m := int64(p.src.Zone(i)) * 60 * from.Unit.PerSecond()
			day, rest := splitDay(p.src.Ints[i]+m, from.Unit)
			switch {
			case o.Truncate || rest == 0 && m == 0:
				p.dst.AppendInt(day)
			case rest == 0 && p.fail(i, hasZone), rest != 0 && p.fail(i, tooFine):
				p.dst.AppendNull()
			default:
				return
			}
		}
	}}
}

// spanKernel converts between Time and Duration.
func spanKernel(from, to Type, o Options) kernel {
	if from.Kind != Duration || to.Kind != Time {
		return unitKernel(from, to, o)
	}
	change := unitChange(from.Unit, to.Unit)
	day := 86400 * from.Unit.PerSecond()
	return mapValues(ints, toInts, lenient(o, func(v int64) (int64, problem) {
		if v < 0 || v >= day {
			return 0, tooBig
		}
		return change(v)
	}))
}
