package sqlstore

import (
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// The values of partitionOption.
const (
	NoPartitions       = "None"
	PhysicalPartitions = "PhysicalPartitionsOfTable"
	DynamicRange       = "DynamicRange"
)

// Partitioning is what a copy source says about reading its table in parallel parts.
type Partitioning struct {
	// Option is "" where the job does not say, else one of the values of partitionOption.
	Option string
	// Column, Lower and Upper are for DynamicRange, "" where the store is to find them itself. The bounds decide how
	// the ranges are cut, not which rows are read: the first and the last range are open.
	Column, Lower, Upper string
	// Names are physical partitions to read, all where nil.
	Names []string
}

// DecodePartitioning reads partitionOption and partitionSettings of a source.
func DecodePartitioning(o *props.Object) Partitioning {
	p := Partitioning{Option: o.Enum("partitionOption", "", NoPartitions, PhysicalPartitions, DynamicRange)}
	s := o.Object("partitionSettings")
	p.Column = s.String("partitionColumnName")
	p.Lower, p.Upper = s.String("partitionLowerBound"), s.String("partitionUpperBound")
	p.Names = s.Strings("partitionNames")
	switch {
	case p.Option != DynamicRange && (p.Column != "" || p.Lower != "" || p.Upper != ""):
		o.Problem(fault.BadInput, "partitionSettings", "a column and its bounds belong to partitionOption DynamicRange")
	case p.Option != PhysicalPartitions && len(p.Names) > 0:
		o.Problem(fault.BadInput, "partitionSettings", "names of partitions belong to partitionOption PhysicalPartitionsOfTable")
	}
	return p
}

// Divided reports whether the job wants parallel parts.
func (p Partitioning) Divided() bool {
	return p.Option == PhysicalPartitions || p.Option == DynamicRange
}

// rangeConditions are the placeholders of a range in a query, as Data Factory has spelt them over time.
var rangeConditions = []string{"?AdfDynamicRangePartitionCondition", "?DfDynamicRangePartitionCondition"}

// HasRange reports whether a query has a placeholder for the condition of a range. What stands in a comment or in quotes
// is none: a condition there would restrict nothing.
func HasRange(query string) bool {
	found := false
	eachText(query, func(text string, code bool) {
		for _, name := range rangeConditions {
			found = found || code && strings.Contains(text, name)
		}
	})
	return found
}

// FillRange puts a condition in the place of the placeholder; "1 = 1" stands for all rows.
func FillRange(query, condition string) string {
	var b strings.Builder
	eachText(query, func(text string, code bool) {
		for _, name := range rangeConditions {
			if code {
				text = strings.ReplaceAll(text, name, condition)
			}
		}
		b.WriteString(text)
	})
	return b.String()
}

// eachText calls fn for each stretch of a query that is code, and for each comment, text or name in quotes; together
// they are the query.
func eachText(query string, fn func(text string, code bool)) {
	from := 0
	for i := 0; i < len(query); {
		end := hiddenEnd(query, i)
		if end == 0 {
			i++
			continue
		}
		fn(query[from:i], true)
		fn(query[i:end], false)
		from, i = end, end
	}
	fn(query[from:], true)
}

// hiddenEnd is where the comment, text or name in quotes ends that begins at i; 0 where none does.
func hiddenEnd(query string, i int) int {
	rest := query[i:]
	var begin int
	var ending string
	switch {
	case strings.HasPrefix(rest, "--"):
		begin, ending = 2, "\n"
	case strings.HasPrefix(rest, "/*"):
		begin, ending = 2, "*/"
	case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
		begin, ending = 1, rest[:1] // a doubled quote ends one text and begins another
	default:
		return 0
	}
	if at := strings.Index(rest[begin:], ending); at >= 0 {
		return i + begin + at + len(ending)
	}
	return len(query)
}
