package oracle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"dmgateway/engine/store/sqlstore"
)

// stage is the interim table of an upsert: a temporary table whose rows belong to one session and go with its
// transaction. Rows meet the table's keys only at the commit, so that an attempt that was left behind locks none.
type stage struct {
	name string // in the user's own schema, where the right to create tables is needed
	sink *sink
}

// newStage names the run's stage; every partition's session sees the same table and rows of its own.
func newStage(k *sink) *stage {
	sum := sha256.Sum256([]byte(k.env.RunID + "\x00" + k.object.Quoted() + "\x00" + strings.Join(names(k.targets), ",")))
	return &stage{"DMGATEWAY_" + strings.ToUpper(hex.EncodeToString(sum[:8])), k}
}

// ddl makes the stage. Its columns take every value that the table's do; SEQ tells which row came later.
func (g *stage) ddl() string {
	parts := []string{"SEQ NUMBER"}
	for i := range g.sink.targets {
		parts = append(parts, fmt.Sprintf("C%d %s", i, g.sink.targets[i].interim()))
	}
	return "CREATE GLOBAL TEMPORARY TABLE " + sqlstore.Quote(g.name) + " (" + strings.Join(parts, ", ") + ") ON COMMIT DELETE ROWS"
}

// interim is the type of the column in the stage.
func (t *target) interim() string {
	switch t.bind {
	case bindFloat:
		return t.base()
	case bindTimestamp:
		if t.base() == typeDate {
			return typeDate
		}
		return "TIMESTAMP(9)"
	case bindInstant:
		return "TIMESTAMP(9) WITH TIME ZONE"
	case bindDuration:
		return "INTERVAL DAY(9) TO SECOND(9)"
	case bindMonths:
		return "INTERVAL YEAR(9) TO MONTH"
	case bindText, bindNational, bindRaw:
		return t.native()
	case bindLob:
		return typeClob
	case bindNationalLob:
		return typeNClob
	case bindBlob:
		return typeBlob
	}
	return typeNumber
}

// make creates the stage where no other partition has.
func (g *stage) make(ctx context.Context, c *session) error {
	if err := c.run(ctx, g.ddl()); !hasCode(err, 955) {
		return err
	}
	return nil
}

// insert is the statement that one row's values go into; the first is SEQ.
func (g *stage) insert() string {
	columns, values := []string{"SEQ"}, []string{":1"}
	for i := range g.sink.targets {
		columns = append(columns, fmt.Sprintf("C%d", i))
		values = append(values, fmt.Sprintf(":%d", i+2))
	}
	return "INSERT INTO " + sqlstore.Quote(g.name) + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
}

// move puts the stage's rows into the table. Of rows with the same key the last one counts.
func (g *stage) move() string {
	k := g.sink
	var list, keys, on, set, values []string
	for i := range k.targets {
		column, quoted := fmt.Sprintf("C%d", i), sqlstore.Quote(k.targets[i].name)
		list = append(list, column)
		value := fmt.Sprintf(k.targets[i].values, "S."+column)
		values = append(values, value)
		if k.isKey(i) {
			keys = append(keys, column)
			on = append(on, "T."+quoted+" = S."+column)
		} else {
			set = append(set, quoted+" = "+value)
		}
	}
	text := "MERGE INTO " + k.object.Quoted() + " T USING (SELECT " + strings.Join(list, ", ") + " FROM (SELECT X.*, ROW_NUMBER() OVER (PARTITION BY " +
		strings.Join(keys, ", ") + " ORDER BY SEQ DESC) RN FROM " + sqlstore.Quote(g.name) + " X) Y WHERE Y.RN = 1) S ON (" + strings.Join(on, " AND ") + ")"
	if len(set) > 0 {
		text += " WHEN MATCHED THEN UPDATE SET " + strings.Join(set, ", ")
	}
	return text + " WHEN NOT MATCHED THEN INSERT (" + strings.Join(names(k.targets), ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
}

// drop removes the stage after the run. A session that was left behind can still hold it; then it stays, without rows.
func (g *stage) drop(ctx context.Context, c *session) error {
	err := c.run(ctx, "DROP TABLE "+sqlstore.Quote(g.name)+" PURGE")
	if hasCode(err, 942, 54, 14452) {
		return nil
	}
	return explain(ctx, err, "remove the interim table "+g.name, g.sink.target())
}
