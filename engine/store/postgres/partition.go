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

// The values of partitionOption. Absent means that the store decides when it is asked for parts.
const (
	partitionNone     = "None"
	partitionPhysical = "PhysicalPartitionsOfTable"
	partitionRange    = "DynamicRange"
)

// The places in a query that a partition's values are put into, longest first.
const (
	hookColumn    = "?AdfRangePartitionColumnName"
	hookUpper     = "?AdfRangePartitionUpbound"
	hookLower     = "?AdfRangePartitionLowbound"
	hookTable     = "?AdfTabularPartitionName"
	hookCondition = "?AdfDynamicRangePartitionCondition"
	hookShort     = "?DfDynamicRangePartitionCondition"
)

// partitioning is how the copy activity wants its source divided.
type partitioning struct {
	option string
	column string // of DynamicRange, "" = the primary key
	lower  string // bounds of DynamicRange, "" = looked up
	upper  string
	names  []string // of PhysicalPartitionsOfTable, nil = all
}

func decodePartitioning(o *props.Object, query string) partitioning {
	p := partitioning{option: o.Enum("partitionOption", "", partitionNone, partitionPhysical, partitionRange)}
	if settings := o.Object("partitionSettings"); settings != nil {
		p.column = settings.String("partitionColumnName")
		p.lower = settings.String("partitionLowerBound")
		p.upper = settings.String("partitionUpperBound")
		p.names = settings.Strings("partitionNames")
	}
	if query == "" {
		return p
	}
	has := func(hook string) bool { return strings.Contains(query, hook) }
	switch {
	case p.option == partitionRange && p.column == "":
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption DynamicRange needs partitionSettings.partitionColumnName")
	case (has(hookLower) || has(hookUpper) || has(hookColumn)) && (p.option != partitionRange || p.lower == "" || p.upper == ""):
		o.Problem(fault.BadInput, "query", "%s, %s and %s need partitionOption DynamicRange with partitionColumnName and both bounds", hookColumn, hookLower, hookUpper)
	case (has(hookCondition) || has(hookShort)) && p.option != partitionRange:
		o.Problem(fault.BadInput, "query", "%s needs partitionOption DynamicRange", hookCondition)
	case has(hookTable) != (p.option == partitionPhysical):
		o.Problem(fault.BadInput, "query", "%s and partitionOption PhysicalPartitionsOfTable need each other in a query", hookTable)
	case p.option == partitionPhysical && len(p.names) == 0:
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption PhysicalPartitionsOfTable needs partitionSettings.partitionNames")
	}
	return p
}

// slice is a partition's spec: a range of a column's values, a range of the table's blocks, or a table. Values are SQL
// literals without quotes; From is included, To is not, Last is the last value before To.
type slice struct {
	Column string `json:"column,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Last   string `json:"last,omitempty"`
	Nulls  bool   `json:"nulls,omitempty"`

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
	case s.Column != "":
		f.condition = s.between()
	default:
		return "", f, fmt.Errorf("it is no part of a table")
	}
	return from, f, nil
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
		return p.rewrite(query, filter{slice: slice{Column: p.column}})
	}
	var all []string
	for _, name := range p.names {
		if t, err := split(name); err == nil {
			all = append(all, "("+bare(p.rewrite(query, filter{slice: slice{Schema: t.Schema, Table: t.Name}}))+"\n)")
		}
	}
	return strings.Join(all, " UNION ALL ")
}

// bare is a statement without what may not stand inside brackets.
func bare(query string) string { return strings.TrimRight(query, "; \t\r\n") }

// rewrite puts the part into the query: into its hooks, else around it.
func (p partitioning) rewrite(query string, f filter) string {
	if query == "" {
		return ""
	}
	condition := f.condition
	if condition == "" {
		condition = "1 = 1"
	}
	low, high := f.slice.From, f.slice.Last
	if low == "" {
		low = p.lower
	}
	if high == "" {
		high = p.upper
	}
	table := ""
	if f.slice.Table != "" {
		table = sqlstore.Table{Schema: f.slice.Schema, Name: f.slice.Table}.Quoted()
	}
	text := strings.NewReplacer(hookCondition, condition, hookShort, condition, hookColumn, sqlstore.Quote(p.column),
		hookUpper, literal(high), hookLower, literal(low), hookTable, table).Replace(query)
	if text == query && f.condition != "" {
		return "SELECT * FROM (" + bare(query) + "\n) AS part WHERE " + f.condition
	}
	return text
}
