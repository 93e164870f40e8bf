package oracle

import (
	"context"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// build makes the table that is missing and runs the scripts. A script may drop the table or want it to be there, so the
// table is looked for before and after.
func (k *sink) build(ctx context.Context, want batch.Schema) error {
	if err := k.create(ctx, want); err != nil {
		return err
	}
	ran := false
	for _, script := range []struct{ text, what string }{{k.options.PreCopyScript, "run the pre-copy script"}, {k.options.cleanup, "run the cleanup script"}} {
		if strings.TrimSpace(script.text) == "" {
			continue
		}
		for _, text := range statements(script.text) {
			if err := k.c.run(ctx, text); err != nil {
				return explain(ctx, err, script.what, k.target())
			}
		}
		ran = true
	}
	if !ran {
		return nil
	}
	return k.create(ctx, want)
}

// statements takes a script apart: at semicolons, which the server does not take between statements. A script with a
// PL/SQL block, which has semicolons of its own, ends its blocks with a line that holds "/" alone, as in SQL*Plus.
func statements(script string) []string {
	var list []string
	var block strings.Builder
	add := func(text string) {
		if text = strings.TrimSpace(text); text != "" {
			list = append(list, text)
		}
	}
	flush := func() {
		text := strings.TrimSpace(block.String())
		block.Reset()
		if isBlock(text) {
			add(text)
			return
		}
		for _, one := range splitStatements(text) {
			add(one)
		}
	}
	for line := range strings.Lines(script) {
		if strings.TrimSpace(line) == "/" {
			flush()
			continue
		}
		block.WriteString(line)
	}
	flush()
	return list
}

// isBlock reports whether a text is PL/SQL, whose semicolons belong to it.
func isBlock(text string) bool {
	words := strings.Fields(strings.ToUpper(text))
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "BEGIN", "DECLARE":
		return true
	case "CREATE":
		for _, w := range words[1:min(len(words), 6)] {
			switch w {
			case "FUNCTION", "PROCEDURE", "PACKAGE", "TRIGGER", "TYPE":
				return true
			}
		}
	}
	return false
}

// splitStatements cuts at the semicolons that stand outside of quotes and comments.
func splitStatements(text string) []string {
	var list []string
	start := 0
	for i := 0; i < len(text); i++ {
		end := -1
		switch {
		case text[i] == ';':
			list = append(list, text[start:i])
			start = i + 1
		case text[i] == '\'' || text[i] == '"':
			end = strings.IndexByte(text[i+1:], text[i])
		case strings.HasPrefix(text[i:], "--"):
			end = strings.IndexByte(text[i+1:], '\n')
		case strings.HasPrefix(text[i:], "/*"):
			end = strings.Index(text[i+1:], "*/")
			if end >= 0 {
				end++
			}
		default:
			continue
		}
		if text[i] == ';' {
			continue
		}
		if end < 0 {
			break
		}
		i += end + 1
	}
	return append(list, text[start:])
}

// newColumns are the columns of a new table: their names as the table gets them, and their types in Native. A name that
// could stand without quotes gets capitals, as SQL gives it, unless two would then be the same.
func (k *sink) newColumns(want batch.Schema) batch.Schema {
	seen := map[string]int{}
	for _, f := range want {
		seen[folded(f.Name)]++
	}
	fields := make(batch.Schema, len(want))
	for i, f := range want {
		fields[i] = f
		fields[i].Native = declare(f, k.unicode)
		if up := folded(f.Name); seen[up] == 1 {
			fields[i].Name = up
		}
		if k.options.Upsert && sqlstore.IsKey(f.Name, k.options.Keys) && f.Type.Kind == batch.String && declaredLarge(fields[i].Native) {
			fields[i].Native = declareText(1000, k.unicode) // a CLOB cannot be a key
		}
	}
	return fields
}

func declaredLarge(native string) bool { return native == typeClob || native == typeNClob }

// create makes the table where it is missing and asked for.
func (k *sink) create(ctx context.Context, want batch.Schema) error {
	if !k.options.AutoCreate {
		return nil
	}
	o, ok, err := k.c.find(ctx, k.table)
	if err != nil {
		return explain(ctx, err, "look for the table", k.target())
	}
	if ok {
		return nil
	}
	return k.define(ctx, k.ddl(o.Table, want), "create the table", o.Table)
}

func (k *sink) ddl(t sqlstore.Table, want batch.Schema) string {
	fields := k.newColumns(want)
	parts := make([]string, 0, len(fields)+1)
	var keys []string
	for _, f := range fields {
		parts = append(parts, sqlstore.Quote(f.Name)+" "+f.Native)
		if k.options.Upsert && sqlstore.IsKey(f.Name, k.options.Keys) {
			keys = append(keys, f.Name)
		}
	}
	if len(keys) > 0 {
		parts = append(parts, "UNIQUE ("+sqlstore.QuoteAll(keys)+")")
	}
	return "CREATE TABLE " + t.Quoted() + " (" + strings.Join(parts, ", ") + ")"
}

// define runs DDL that makes a table. Another session may make the same table at the same moment; that is as good.
func (k *sink) define(ctx context.Context, ddl, what string, t sqlstore.Table) error {
	err := k.c.run(ctx, ddl)
	if err == nil || hasCode(err, 955) {
		return nil
	}
	err = explain(ctx, err, what+" "+t.String(), k.target())
	if fault.Is(err, fault.Forbidden) {
		return fault.As(err).Try("Grant the user CREATE TABLE and a quota on the tablespace, or have the table made by: %s", strings.Join(strings.Fields(ddl), " "))
	}
	return err
}

// declared is the column that a declaration makes, as the dictionary will show it.
func declared(name, native string) column {
	c := column{name: name, data: native}
	base, rest, digits := strings.Cut(native, "(")
	var numbers []int
	if digits {
		inside, _, _ := strings.Cut(rest, ")")
		for part := range strings.SplitSeq(strings.TrimSuffix(inside, " CHAR"), ",") {
			n, _ := strconv.Atoi(part)
			numbers = append(numbers, n)
		}
	}
	switch {
	case base == typeNumber && digits:
		scale := 0
		if len(numbers) > 1 {
			scale = numbers[1]
		}
		c.data, c.precision, c.scale = base, &numbers[0], &scale
	case base == typeVarchar:
		c.data, c.chars, c.bytes = base, numbers[0], min(4*numbers[0], inlineText)
	case base == typeNVarchar:
		c.data, c.chars, c.bytes = base, numbers[0], 2*numbers[0]
	case base == typeRaw:
		c.data, c.bytes = base, numbers[0]
	case strings.HasPrefix(native, "INTERVAL DAY"):
		_, last, _ := strings.Cut(native, "SECOND(")
		days, scale := numbers[0], 0
		scale, _ = strconv.Atoi(strings.TrimSuffix(last, ")"))
		c.precision, c.scale = &days, &scale
	case base == typeTimestamp:
		c.scale = &numbers[0]
	}
	return c
}
