package oracle

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store/sqlstore"
)

// The places in a query that a partition's values are put into.
const (
	hookColumn = "?AdfRangePartitionColumnName"
	hookUpper  = "?AdfRangePartitionUpbound"
	hookLower  = "?AdfRangePartitionLowbound"
	hookTable  = "?AdfTabularPartitionName"
)

// partitioning is how the copy activity wants its source divided.
type partitioning struct {
	sqlstore.Partitioning
	hooked bool // the query says itself where the range goes
}

func decodePartitioning(o *props.Object, query string) partitioning {
	p := partitioning{Partitioning: sqlstore.DecodePartitioning(o)}
	has := func(hook string) bool { return strings.Contains(query, hook) }
	bounds := has(hookLower) || has(hookUpper) || has(hookColumn)
	p.hooked = bounds || sqlstore.HasRange(query)
	switch {
	case query == "":
	case p.Option == sqlstore.DynamicRange && p.Column == "":
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption DynamicRange needs partitionSettings.partitionColumnName")
	case bounds && (p.Option != sqlstore.DynamicRange || p.Lower == "" || p.Upper == ""):
		o.Problem(fault.BadInput, "oracleReaderQuery", "%s, %s and %s need partitionOption DynamicRange with partitionColumnName and both bounds", hookColumn, hookLower, hookUpper)
	case sqlstore.HasRange(query) && p.Option != sqlstore.DynamicRange:
		o.Problem(fault.BadInput, "oracleReaderQuery", "?AdfDynamicRangePartitionCondition needs partitionOption DynamicRange")
	case has(hookTable) != (p.Option == sqlstore.PhysicalPartitions):
		o.Problem(fault.BadInput, "oracleReaderQuery", "%s and partitionOption PhysicalPartitionsOfTable need each other in a query", hookTable)
	case p.Option == sqlstore.PhysicalPartitions && len(p.Names) == 0:
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption PhysicalPartitionsOfTable needs partitionSettings.partitionNames")
	}
	return p
}

// slice is a partition's spec: a range of a column's values or of row ids, a hash of row ids, or a physical partition,
// and the state of the database (system change number) that all parts of the plan are read in.
type slice struct {
	SCN string `json:"scn,omitempty"`

	Column string    `json:"column,omitempty"`
	Kind   valueKind `json:"kind,omitempty"`
	From   string    `json:"from,omitempty"` // included
	To     string    `json:"to,omitempty"`   // not included
	Last   string    `json:"last,omitempty"` // the last value before To
	Nulls  bool      `json:"nulls,omitempty"`

	FromRow string `json:"fromRow,omitempty"` // row id, included
	ToRow   string `json:"toRow,omitempty"`   // row id, not included

	Hash  int `json:"hash,omitempty"`
	Parts int `json:"parts,omitempty"` // of the hash

	Physical string `json:"physical,omitempty"`
}

func (s slice) spec() string {
	if s == (slice{}) {
		return ""
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of texts and numbers always marshals
	}
	return string(text)
}

func parseSlice(spec string) (s slice, err error) {
	if spec == "" {
		return s, nil
	}
	if err = json.Unmarshal([]byte(spec), &s); err != nil {
		return s, err
	}
	for _, n := range []string{s.SCN, s.FromRow, s.ToRow} {
		for i := range len(n) {
			if b := n[i]; !letter(b) && (b < '0' || b > '9') && b != '+' && b != '/' {
				return s, fmt.Errorf("%q is no number and no row id", n)
			}
		}
	}
	return s, nil
}

// clause is what stands behind the table's name.
func (s slice) clause() string {
	text := ""
	if s.Physical != "" {
		text += " PARTITION (" + sqlstore.Quote(s.Physical) + ")"
	}
	if s.SCN != "" {
		text += " AS OF SCN " + s.SCN
	}
	return text
}

// condition is the slice as SQL, "" for all rows.
func (s slice) condition() string {
	var list []string
	column := sqlstore.Quote(s.Column)
	add := func(format, value string) {
		if value != "" {
			list = append(list, fmt.Sprintf(format, value))
		}
	}
	if s.Column != "" {
		if s.From != "" {
			add(strings.ReplaceAll(column, "%", "%%")+" >= %s", s.Kind.literal(s.From))
		}
		if s.To != "" {
			add(strings.ReplaceAll(column, "%", "%%")+" < %s", s.Kind.literal(s.To))
		}
	}
	add("ROWID >= CHARTOROWID('%s')", s.FromRow)
	add("ROWID < CHARTOROWID('%s')", s.ToRow)
	if s.Parts > 0 {
		list = append(list, fmt.Sprintf("ORA_HASH(ROWID, %d) = %d", s.Parts-1, s.Hash))
	}
	text := strings.Join(list, " AND ")
	if s.Nulls && text != "" {
		text = "(" + text + " OR " + column + " IS NULL)"
	}
	return text
}

// valueKind is how a value of a column stands in SQL.
type valueKind string

const (
	aNumber    valueKind = "number"
	aDate      valueKind = "date"
	aTimestamp valueKind = "timestamp"
	anInstant  valueKind = "instant"
	aText      valueKind = "text"
)

// kindOf is the kind of a column's values, "" for a column without an order that SQL and this program agree on.
func (c column) kindOf() valueKind {
	switch c.base() {
	case typeNumber, typeFloat:
		return aNumber
	case typeDate:
		return aDate
	case typeTimestamp:
		return aTimestamp
	case typeZoned, typeLocalZoned:
		return anInstant
	case typeChar, typeVarchar, typeNChar, typeNVarchar:
		return aText
	}
	return ""
}

// literal is a value, in the form of batch.AppendText, as SQL.
func (k valueKind) literal(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	switch k {
	case aNumber:
		if _, ok := new(big.Rat).SetString(text); ok && !strings.ContainsAny(text, "/_xXpPbBoO") {
			return text
		}
		return "TO_NUMBER(" + quoted + ")"
	case aDate:
		return "TO_DATE(" + quoted + ", 'YYYY-MM-DD HH24:MI:SS')"
	case aTimestamp:
		return "TIMESTAMP " + quoted
	case anInstant:
		return "TIMESTAMP '" + strings.ReplaceAll(zoneApart(text), "'", "''") + "'"
	}
	return quoted
}

// zoneApart writes the offset of an instant as an SQL literal has it: behind a space, with minutes.
func zoneApart(text string) string {
	at := strings.LastIndexAny(text, "+-")
	if at < 11 {
		return text + " +00:00"
	}
	zone := text[at:]
	if !strings.Contains(zone, ":") {
		zone += ":00"
	}
	return strings.TrimSpace(text[:at]) + " " + zone
}

// valueText is a cut in the form of literal.
func valueText(t batch.Type, v int64) string {
	c := batch.Column{Type: t}
	c.AppendInt(v)
	return string(batch.AppendText(nil, &c, 0))
}

// before is the last value of the column before a cut. A NUMBER without a scale can be a fraction: then it is the nearest
// that its 38 digits can write.
func (c column) before(t batch.Type, cut int64) string {
	if c.kindOf() != aNumber || c.scale != nil && *c.scale <= 0 {
		return valueText(t, cut-1)
	}
	digits := 39 - len(strconv.FormatInt(max(cut, -cut), 10))
	if c.scale != nil {
		digits = *c.scale
	}
	step := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	return step.Sub(new(big.Rat).SetInt64(cut), step).FloatString(digits)
}

// example is the query with every hook filled in so that it can be described.
func (p partitioning) example(query string) string {
	s := slice{Column: p.Column}
	if len(p.Names) > 0 {
		s.Physical = p.Names[0]
	}
	return p.rewrite(query, s)
}

// rewrite puts a slice into the query's hooks. The spec of a whole table leaves all rows.
func (p partitioning) rewrite(query string, s slice) string {
	low, high := p.Lower, p.Upper
	kind := s.Kind
	if kind == "" {
		kind = guess(low)
	}
	if s.From != "" {
		low = s.From
	}
	if s.Last != "" {
		high = s.Last
	}
	condition := slice{Column: s.Column, Kind: s.Kind, From: s.From, To: s.To, Nulls: s.Nulls}.condition()
	if condition == "" {
		condition = "1 = 1"
	}
	text := sqlstore.FillRange(query, condition)
	text = strings.NewReplacer(hookColumn, sqlstore.Quote(p.Column), hookUpper, kind.literal(high), hookLower, kind.literal(low)).Replace(text)
	if !strings.Contains(text, hookTable) {
		return text
	}
	names := []string{s.Physical}
	if s.Physical == "" {
		names = p.Names
	}
	var all []string
	for _, name := range names {
		one := strings.ReplaceAll(text, `"`+hookTable+`"`, sqlstore.Quote(name))
		all = append(all, strings.ReplaceAll(one, hookTable, sqlstore.Quote(name)))
	}
	if len(all) == 1 {
		return all[0]
	}
	for i := range all {
		all[i] = "SELECT * FROM (\n" + bare(all[i]) + "\n) Q"
	}
	return strings.Join(all, " UNION ALL ")
}

// guess tells what a bound is before the column is known.
func guess(bound string) valueKind {
	if _, ok := new(big.Rat).SetString(bound); ok {
		return aNumber
	}
	c := batch.Column{Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Second}}
	if batch.ParseText(&c, []byte(bound)) == nil {
		return aDate
	}
	return aText
}

func itoa(n int) string { return strconv.Itoa(n) }
