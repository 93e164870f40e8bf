package activity

import (
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// Conversion is v2's typeConversionSettings: how values become other types where a column's mapping says nothing else.
type Conversion struct {
	// Truncate lets conversions cut digits after the point, a time of day or a time zone that the sink's type cannot keep.
	Truncate bool
	// BooleanAsNumber writes booleans as the texts 1 and 0 instead of True and False.
	BooleanAsNumber bool
	// .NET formats between texts and values, "" where not given.
	Date, Time, DateTime, DateTimeOffset, TimeSpan string
	// Culture of names of months and days, and of the decimal separator; "" where not given.
	Culture string
}

// Options are the options of a conversion from one type to another; culture and format are the column's own, "" where it
// has none.
func (c Conversion) Options(from, to batch.Type, culture, format string) batch.Options {
	o := batch.Options{Culture: culture, Format: format, Truncate: c.Truncate}
	if o.Culture == "" {
		o.Culture = c.Culture
	}
	text := from // the side that is not the text
	if from.Kind == batch.String {
		text = to
	} else if to.Kind != batch.String {
		return batch.Options{Truncate: c.Truncate} // a conversion without a text on either side
	}
	if from.Kind == to.Kind {
		return batch.Options{}
	}
	if o.Format == "" {
		o.Format = c.format(text.Kind)
	}
	if strings.EqualFold(o.Culture, "en-us") {
		o.Culture = "" // the default: text can then be parsed where it is read
	}
	o.BooleanAsNumber = c.BooleanAsNumber && from.Kind == batch.Boolean
	switch to.Kind {
	case batch.Decimal, batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
	default:
		o.Truncate = false // no text of a whole number has a fraction to cut
	}
	return o
}

func (c Conversion) format(k batch.Kind) string {
	switch k {
	case batch.Date:
		if c.Date != "" {
			return c.Date
		}
		return c.DateTime
	case batch.Timestamp:
		return c.DateTime
	case batch.TimestampTZ:
		return c.DateTimeOffset
	case batch.Time:
		if c.Time != "" {
			return c.Time
		}
		return c.TimeSpan
	case batch.Duration:
		return c.TimeSpan
	}
	return ""
}

// conversion reads typeConversion and its settings. The settings count only with typeConversion: true; allowDataTruncation
// is true then unless they say false, as documented.
func conversion(t *props.Object) (c Conversion) {
	on := t.Bool("typeConversion", false)
	s := t.Object("typeConversionSettings")
	if !on {
		if t.Has("typeConversion") {
			t.Warn("typeConversion", "values are converted to the sink's types in any case; false only means that the settings have no effect")
		}
		if s != nil {
			t.Warn("typeConversionSettings", "has no effect because typeConversion is not true")
			s.IgnoreAll()
		}
		return Conversion{}
	}
	c = Conversion{
		Truncate: s.Bool("allowDataTruncation", true), BooleanAsNumber: s.Bool("treatBooleanAsNumber", false),
		Date: s.String("dateFormat"), Time: s.String("timeFormat"),
		DateTime: s.String("dateTimeFormat"), DateTimeOffset: s.String("dateTimeOffsetFormat"), TimeSpan: s.String("timeSpanFormat"),
		Culture: s.String("culture"),
	}
	checkFormat(s, "culture", batch.Timestamp, batch.Options{Culture: c.Culture})
	for _, f := range []struct {
		name string
		kind batch.Kind
	}{
		{"dateFormat", batch.Date},
		{"dateTimeFormat", batch.Timestamp},
		{"dateTimeOffsetFormat", batch.TimestampTZ},
		{"timeFormat", batch.Time},
		{"timeSpanFormat", batch.Duration},
	} {
		checkFormat(s, f.name, f.kind, batch.Options{Format: s.String(f.name)})
	}
	return c
}

// checkFormat reports a culture or format that the types do not know, before anything is opened.
func checkFormat(o *props.Object, name string, kind batch.Kind, options batch.Options) {
	if !o.Has(name) {
		return
	}
	if _, err := batch.NewParser(batch.Type{Kind: kind, Unit: batch.Tick}, options); err != nil {
		f := fault.As(err)
		o.Problem(f.Code, name, "%s. %s", f.Error(), f.Hint)
	}
}
