package postgres

import (
	"encoding/json"
	"fmt"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// The places in a query that a partition's values are put into; [sqlstore.FillRange] knows those for a whole condition.
const (
	hookColumn    = "?AdfRangePartitionColumnName"
	hookUpper     = "?AdfRangePartitionUpbound"
	hookLower     = "?AdfRangePartitionLowbound"
	hookTable     = "?AdfTabularPartitionName"
	hookCondition = "?AdfDynamicRangePartitionCondition"
)

// partitioning is how the copy activity wants its source divided.
type partitioning struct {
	sqlstore.Partitioning
	// exact is set where a query has places for both bounds of a range: they are included, so only columns whose values
	// have neighbours can divide it.
	exact bool
}

func decodePartitioning(o *props.Object, query string) partitioning {
	p := partitioning{Partitioning: sqlstore.DecodePartitioning(o)}
	if query == "" {
		return p
	}
	has := func(hook string) bool { return strings.Contains(query, hook) }
	p.exact = has(hookLower) || has(hookUpper) || has(hookColumn)
	switch {
	case p.Option == sqlstore.DynamicRange && p.Column == "":
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption DynamicRange needs partitionSettings.partitionColumnName")
	case p.exact && (p.Option != sqlstore.DynamicRange || p.Lower == "" || p.Upper == ""):
		o.Problem(fault.BadInput, "query", "%s, %s and %s need partitionOption DynamicRange with partitionColumnName and both bounds", hookColumn, hookLower, hookUpper)
	case sqlstore.HasRange(query) && p.Option != sqlstore.DynamicRange:
		o.Problem(fault.BadInput, "query", "%s needs partitionOption DynamicRange", hookCondition)
	case has(hookTable) != (p.Option == sqlstore.PhysicalPartitions):
		o.Problem(fault.BadInput, "query", "%s and partitionOption PhysicalPartitionsOfTable need each other in a query", hookTable)
	case p.Option == sqlstore.PhysicalPartitions && len(p.Names) == 0:
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption PhysicalPartitionsOfTable needs partitionSettings.partitionNames")
	}
	return p
}

// slice is a partition's spec: a range of a column's values, one share of them by hash, a range of the table's blocks, or
// a table. Values are SQL literals without quotes; From is included, To is not, Last is the last value before To.
type slice struct {
	Column string `json:"column,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Last   string `json:"last,omitempty"`
	Nulls  bool   `json:"nulls,omitempty"`

	Share int `json:"share,omitempty"` // 0 to Of-1
	Of    int `json:"of,omitempty"`

	FromBlock int64 `json:"fromBlock,omitempty"`
	ToBlock   int64 `json:"toBlock,omitempty"` // 0 = to the end
	Blocks    bool  `json:"blocks,omitempty"`

	Schema string `json:"schema,omitempty"`
	Table  string `json:"table,omitempty"`
}

func (s slice) spec() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of texts and numbers always marshals
	}
	return string(text)
}

// filter is a slice as SQL.
type filter struct {
	condition string // "" = all rows
	slice     slice
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// parse turns a partition into the text behind FROM, for a table, and the condition.
func (p partitioning) parse(part store.Partition, table sqlstore.Table) (from string, f filter, err error) {
	from = table.Quoted()
	if part.Spec == "" {
		return from, f, nil
	}
	if err := json.Unmarshal([]byte(part.Spec), &f.slice); err != nil {
		return "", f, err
	}
	s := f.slice
	switch {
	case s.Table != "":
		from = sqlstore.Table{Schema: s.Schema, Name: s.Table}.Quoted()
	case s.Blocks:
		f.condition = fmt.Sprintf("ctid >= '(%d,0)'::tid", s.FromBlock)
		if s.ToBlock > 0 {
			f.condition += fmt.Sprintf(" AND ctid < '(%d,0)'::tid", s.ToBlock)
		}
	case s.Column != "" && s.Of > 0:
		f.condition = s.hashed()
	case s.Column != "":
		f.condition = s.between()
	default:
		return "", f, fmt.Errorf("it is no part of a table")
	}
	return from, f, nil
}

// hashed picks the rows whose value in the column falls into the share; the server hashes the value's text, so every type
// will do. NULLs belong to share 0.
func (s slice) hashed() string {
	return fmt.Sprintf("coalesce((hashtextextended(%s::text, 0) & 9223372036854775807) %% %d, 0) = %d", sqlstore.Quote(s.Column), s.Of, s.Share)
}

func (s slice) between() string {
	column := sqlstore.Quote(s.Column)
	var list []string
	if s.From != "" {
		list = append(list, column+" >= "+literal(s.From))
	}
	if s.To != "" {
		list = append(list, column+" < "+literal(s.To))
	}
	text := strings.Join(list, " AND ")
	if s.Nulls {
		if text == "" {
			return ""
		}
		text = "(" + text + " OR " + column + " IS NULL)"
	}
	return text
}

// whole is the query with every hook filled in so that it means all rows.
func (p partitioning) whole(query string) string {
	if !strings.Contains(query, hookTable) {
		text, _ := p.rewrite(query, filter{slice: slice{Column: p.Column}})
		return text
	}
	var all []string
	for _, name := range p.Names {
		if t, err := split(name); err == nil {
			text, _ := p.rewrite(query, filter{slice: slice{Schema: t.Schema, Table: t.Name}})
			all = append(all, "("+bare(text)+"\n)")
		}
	}
	return strings.Join(all, " UNION ALL ")
}

// bare is a statement without what may not stand inside brackets.
func bare(query string) string { return strings.TrimRight(query, "; \t\r\n") }

// rewrite puts the part into the query's hooks; placed is false where it has none for the condition.
func (p partitioning) rewrite(query string, f filter) (text string, placed bool) {
	condition := f.condition
	if condition == "" {
		condition = "1 = 1"
	}
	low, high := f.slice.From, f.slice.Last
	if low == "" {
		low = p.Lower
	}
	if high == "" {
		high = p.Upper
	}
	table := ""
	if f.slice.Table != "" {
		table = sqlstore.Table{Schema: f.slice.Schema, Name: f.slice.Table}.Quoted()
	}
	text = sqlstore.FillRange(query, condition)
	text = strings.NewReplacer(hookColumn, sqlstore.Quote(p.Column), hookUpper, literal(high), hookLower, literal(low), hookTable, table).Replace(text)
	return text, p.exact || sqlstore.HasRange(query)
}
