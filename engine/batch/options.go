package batch

// Options of a conversion between text and values, and of narrowing: what v1 dataset structures and v2's
// typeConversionSettings say. Time zones are not converted: where a zone is needed and none is given, it is UTC.
type Options struct {
	// Culture is a .NET culture name, such as de-DE, or invariant. It matters for names of months and days, for .NET's
	// one-letter date formats, and for the decimal and group separators of numbers. One that is not known is refused.
	//
	// Default: en-us, except that numbers have no group separators.
	Culture string
	// Format is a .NET date and time format string, custom ("dd/MM/yyyy HH:mm") or of one letter ("o"), for Date,
	// Timestamp and TimestampTZ, or a time span format for Time and Duration.
	//
	// Default: what AppendText writes and ParseText reads.
	Format string
	// Truncate lets a conversion drop digits after the point, a time of day or a time zone that the new type cannot
	// keep (v2's allowDataTruncation). Without it such a value is an error of its row. Range is checked always.
	//
	// Default: false.
	Truncate bool
	// BooleanAsNumber makes a Boolean the text 1 or 0 (v2's treatBooleanAsNumber).
	//
	// Default: false, the text True or False.
	BooleanAsNumber bool
}

// textual is a compiled form of values as text.
type textual interface {
	append(dst []byte, c *Column, row int) []byte
	parse(c *Column, text []byte) problem
}

// layout gives the compiled format for a type, nil where the canonical form is meant, and the culture.
func (o Options) layout(t Type) (textual, *culture, error) {
	c, err := findCulture(o.Culture)
	if err != nil || o.Format == "" {
		return nil, c, err
	}
	switch t.Kind {
	case Date, Timestamp, TimestampTZ:
		l, err := compileLayout(o.Format, c)
		if err != nil {
			return nil, nil, err
		}
		return l, c, nil
	case Time, Duration:
		s, err := compileSpan(o.Format, c)
		if err != nil || s == nil {
			return nil, c, err
		}
		return s, c, nil
	}
	return nil, c, nil // as in .NET, a date format does nothing to other types
}

// standard expands .NET's one-letter formats.
func (c *culture) standard(letter byte) string {
	p := c.patterns
	switch letter {
	case 'd', 'D', 't', 'T', 'm', 'y':
		return p[letter]
	case 'M':
		return p['m']
	case 'Y':
		return p['y']
	case 'f':
		return p['D'] + " " + p['t']
	case 'F':
		return p['D'] + " " + p['T']
	case 'g':
		return p['d'] + " " + p['t']
	case 'G':
		return p['d'] + " " + p['T']
	case 'o', 'O':
		return "yyyy-MM-ddTHH:mm:ss.fffffffK"
	case 'r', 'R':
		return "ddd, dd MMM yyyy HH:mm:ss 'GMT'"
	case 's':
		return "yyyy-MM-ddTHH:mm:ss"
	case 'u':
		return "yyyy-MM-dd HH:mm:ss'Z'"
	}
	return ""
}
