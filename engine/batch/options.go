package batch

import (
	"strings"

	"dmgateway/engine/fault"
)

// Options of a conversion between text and values, and of narrowing: what v1 dataset structures and v2's
// typeConversionSettings say. Time zones are not converted: where a zone is needed and none is given, it is UTC.
type Options struct {
	// Culture is a .NET culture name: en-us, or "" or invariant. It matters for names of months and days and for .NET's
	// one-letter date formats; numbers look the same in both. Any other culture is refused.
	//
	// Default: en-us.
	Culture string
	// Format is a .NET date and time format string, custom ("dd/MM/yyyy HH:mm") or of one letter ("o"), for Date,
	// Timestamp and TimestampTZ. For Time and Duration only "c" is known, which is their usual form.
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

// culture is what of a .NET culture matters here.
type culture struct {
	patterns map[byte]string // .NET's standard formats that differ between cultures
}

var invariant = culture{map[byte]string{
	'd': "MM/dd/yyyy", 'D': "dddd, dd MMMM yyyy", 't': "HH:mm", 'T': "HH:mm:ss", 'm': "MMMM dd", 'y': "yyyy MMMM",
}}

var english = culture{map[byte]string{
	'd': "M/d/yyyy", 'D': "dddd, MMMM d, yyyy", 't': "h:mm tt", 'T': "h:mm:ss tt", 'm': "MMMM d", 'y': "MMMM yyyy",
}}

func findCulture(name string) (*culture, error) {
	switch strings.ToLower(name) {
	case "", "en-us", "en":
		return &english, nil
	case "invariant", "iv", "invariantculture":
		return &invariant, nil
	}
	return nil, fault.New(fault.Unsupported, "the culture %q is not supported", name).Try("Use en-us or invariant, with an explicit date format.")
}

// layout gives the compiled date format for a type, nil where the canonical form is meant.
func (o Options) layout(t Type) (*layout, error) {
	c, err := findCulture(o.Culture)
	if err != nil {
		return nil, err
	}
	if o.Format == "" {
		return nil, nil
	}
	switch t.Kind {
	case Date, Timestamp, TimestampTZ:
		return compileLayout(o.Format, c)
	case Time, Duration:
		if o.Format == "c" || o.Format == "t" || o.Format == "T" {
			return nil, nil
		}
		return nil, fault.New(fault.Unsupported, "the time span format %q is not supported", o.Format).Try("Leave the format out, or use \"c\".")
	}
	return nil, nil // as in .NET, a date format does nothing to other types
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
