package batch

// family groups the kinds that become each other.
type family uint8

const (
	numbers family = iota + 1
	dates
	spans
	texts
	blobs
)

func familyOf(k Kind) family {
	switch k {
	case Boolean, Byte, Int16, Int32, Int64, Single, Double, Decimal:
		return numbers
	case Date, Timestamp, TimestampTZ:
		return dates
	case Time, Duration:
		return spans
	case String, JSON, XML:
		return texts
	case Binary, GUID:
		return blobs
	}
	return 0
}

func kernelFor(from, to Type, o Options) (kernel, error) {
	a, b := familyOf(from.Kind), familyOf(to.Kind)
	switch {
	case a == 0 || b == 0:
		return kernel{}, refuse(from, to)
	case a == texts && b == texts:
		return textKernel(from, to)
	case a == texts && from.Kind == String:
		parse, err := parserOf(to, o)
		if err != nil {
			return kernel{}, err
		}
		if o.Truncate {
			if parse, err = truncating(parse, to, o); err != nil {
				return kernel{}, err
			}
		}
		return parsed(parse), nil
	case to.Kind == String:
		return printKernel(from, to, o)
	case a != b:
		return kernel{}, refuse(from, to)
	case a == numbers:
		return numberKernel(from, to, o), nil
	case a == dates:
		return dateKernel(from, to, o), nil
	case a == spans:
		return spanKernel(from, to, o), nil
	}
	return blobKernel(from, to), nil
}

func textKernel(from, to Type) (kernel, error) {
	switch {
	case to.Kind == JSON && from.Kind == XML, to.Kind == XML && from.Kind == JSON:
		return kernel{}, refuse(from, to)
	case to.Kind == JSON && from.Kind == String:
		return parsed(parseJSON), nil
	case to.Kind == String && to.Length > 0 && (from.Length == 0 || from.Length > to.Length):
		return same(InData, func(v []byte) problem { return checkLength(v, to.Length) }), nil
	}
	return same(InData, nil), nil
}

func printKernel(from, to Type, o Options) (kernel, error) {
	text, err := NewAppender(from, o)
	if err != nil {
		return kernel{}, err
	}
	if to.Length > 0 {
		return printed(text, func(v []byte) problem { return checkLength(v, to.Length) }), nil
	}
	return printed(text, nil), nil
}

// truncating reads a number's or date's text again, through a type that keeps more, where digits would be lost.
func truncating(parse parseFunc, to Type, o Options) (parseFunc, error) {
	wide := Type{Kind: Decimal}
	switch familyOf(to.Kind) {
	case numbers:
		if to.Kind == Boolean || to.Storage() == InFloats {
			return parse, nil
		}
	case dates:
		wide = Type{Kind: TimestampTZ, Unit: Tick}
		if to.Kind != Date && to.Unit == Nano {
			return parse, nil
		}
	default:
		return parse, nil
	}
	again, err := parserOf(wide, o)
	if err != nil {
		return nil, err
	}
	cut, err := NewConverter(wide, to, Options{Truncate: true})
	if err != nil {
		return nil, err
	}
	return func(c *Column, text []byte) problem {
		why := parse(c, text)
		if why != tooFine && why != hasZone && why != malformed {
			return why
		}
		tmp := Column{Type: wide}
		if again(&tmp, text) != fine {
			return why
		}
		if cut.Convert(c, &tmp, nil) != nil {
			return tooBig
		}
		return fine
	}, nil
}

// lenient turns tooFine into fine where the options allow it.
func lenient[S, D any](o Options, f func(S) (D, problem)) func(S) (D, problem) {
	if !o.Truncate {
		return f
	}
	return func(v S) (D, problem) {
		w, p := f(v)
		if p == tooFine {
			p = fine
		}
		return w, p
	}
}

func blobKernel(from, to Type) kernel {
	if from.Kind == GUID {
		return same(InData, lengthCheck(to.Length, 16))
	}
	if to.Kind == GUID {
		return same(InData, func(v []byte) problem {
			if len(v) != 16 {
				return malformed
			}
			return fine
		})
	}
	return same(InData, lengthCheck(to.Length, from.Length))
}

// lengthCheck checks lengths in bytes, nil where the source's own limit is enough.
func lengthCheck(limit, from int) func([]byte) problem {
	if limit == 0 || from > 0 && from <= limit {
		return nil
	}
	return func(v []byte) problem {
		if len(v) > limit {
			return tooLong
		}
		return fine
	}
}
