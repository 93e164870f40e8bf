package sqlserver

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// makeStage makes the interim table: a temporary one, which goes with the connection, or one in a schema where the job
// wants that.
func (w *writer) makeStage(ctx context.Context) error {
	k := w.sink
	w.stage = "#dmgateway_stage"
	if !k.options.inTempDB {
		schema := k.options.interim
		if schema == "" {
			schema = k.markers.Schema
		}
		w.stage, w.dropped = quoted(sqlstore.Table{Schema: schema, Name: k.stageName() + rand.Text()}), true
	}
	var lines []string
	for i, c := range k.columns {
		lines = append(lines, stageColumn(i)+" "+c.stageType()+" NULL")
	}
	lines = append(lines, stageRow+" int NOT NULL")
	end := ""
	if k.synapse {
		end = " WITH (HEAP)"
	}
	// A session may begin with XACT_ABORT; then one refused row would end the transaction.
	_, err := w.c.exec(ctx, "SET XACT_ABORT OFF; CREATE TABLE "+w.stage+" ("+strings.Join(lines, ", ")+")"+end)
	if err != nil {
		w.dropped = false
	}
	return explain(ctx, err, "make an interim table", k.target())
}

// stageName is how the run's interim tables outside of tempdb begin.
func (k *sink) stageName() string {
	sum := sha256.Sum256([]byte(k.env.RunID))
	return stagePrefix + hex.EncodeToString(sum[:8]) + "_"
}

// dropStage removes an interim table that does not go with the connection.
func (w *writer) dropStage(clean bool) {
	if !w.dropped {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.sink.server.connectTimeout)
	defer cancel()
	if clean && !w.c.isBroken() {
		if _, err := w.c.exec(ctx, "DROP TABLE "+w.stage); err == nil {
			w.dropped = false
			return
		}
	}
	w.c.close() // whose transaction may lock the table
	c, err := w.sink.server.connect(ctx, w.sink.env)
	if err != nil {
		return // Finish finds it
	}
	defer c.close()
	_, _ = c.exec(ctx, "DROP TABLE "+w.stage)
}

// dropStages removes interim tables that attempts of this run left behind when they died.
func (k *sink) dropStages(ctx context.Context) error {
	if k.options.inTempDB {
		return nil
	}
	rows, err := k.c.query(ctx, "SELECT s.name, t.name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id WHERE t.name LIKE @p1",
		strings.ReplaceAll(k.stageName(), "_", "[_]")+"%")
	if err != nil {
		return explain(ctx, err, "look for interim tables", k.target())
	}
	for _, row := range rows {
		t := sqlstore.Table{Schema: textOf(row[0]), Name: textOf(row[1])}
		// One that is in use belongs to a late attempt, which removes it itself.
		_, err := k.c.exec(ctx, "SET LOCK_TIMEOUT 500; DROP TABLE "+quoted(t)+"; SET LOCK_TIMEOUT -1")
		if err != nil && !hasNumber(err, 3701, 1222) {
			return explain(ctx, err, "remove the interim table", t.String())
		}
	}
	return nil
}

// move puts the n interim rows into the table and empties the interim table. Rows that the server refuses are given to
// reject and counted in left, where reject is not nil.
func (w *writer) move(ctx context.Context, n int, places []int, reject func(*fault.Error)) (left int, err error) {
	left, err = w.moveRange(ctx, 0, n-1, places, reject)
	if err != nil {
		return left, err
	}
	_, err = w.c.exec(ctx, "TRUNCATE TABLE "+w.stage)
	return left, err
}

// moveRange moves the rows from first to last, both included. A statement that fails for what is in a row has no effect, and
// the transaction goes on: then each half is tried, until single rows are left.
func (w *writer) moveRange(ctx context.Context, first, last int, places []int, reject func(*fault.Error)) (left int, err error) {
	_, err = w.c.exec(ctx, w.sink.moveSQL(w.stage, first, last))
	if err == nil {
		return 0, nil
	}
	if reject == nil || !isRowFault(err) {
		return 0, err
	}
	if bad := w.alive(ctx, err); bad != nil {
		return 0, bad
	}
	if ctx.Err() != nil { // a cancelled statement may fail with any error: it says nothing of the row
		return 0, ctx.Err()
	}
	if first == last {
		e := fault.As(explain(ctx, err, "the server refuses the row", w.sink.target()))
		reject(e.InRow(int64(places[first]), e.Column, e.Value))
		return 1, nil
	}
	middle := (first + last) / 2
	left, err = w.moveRange(ctx, first, middle, places, reject)
	if err != nil {
		return left, err
	}
	more, err := w.moveRange(ctx, middle+1, last, places, reject)
	return left + more, err
}

// alive makes sure that the transaction can go on after an error: some errors doom it, and with it the rows that were
// written before.
func (w *writer) alive(ctx context.Context, why error) error {
	rows, err := w.c.query(ctx, "SELECT CAST(XACT_STATE() AS int)")
	if err == nil && len(rows) > 0 && numberOf(rows[0][0]) == 1 {
		return nil
	}
	e := fault.As(explain(ctx, why, "write the rows", w.sink.target()))
	return e.Try("This error makes the server give up the whole transaction, so the row cannot be skipped; correct it. %s", e.Hint)
}

// moveSQL is the statement that moves interim rows into the table.
func (k *sink) moveSQL(stage string, first, last int) string {
	names, values := make([]string, len(k.columns)), make([]string, len(k.columns))
	identity := false
	for i, c := range k.columns {
		names[i] = c.name
		values[i] = c.writeExpression("s." + stageColumn(i))
		identity = identity || c.identity
	}
	between := fmt.Sprintf("%s BETWEEN %d AND %d", stageRow, first, last)
	insert := "INSERT INTO " + quoted(k.table) + k.lockHint() + " (" + quoteAll(names) + ") SELECT " + strings.Join(values, ", ") + " FROM "
	var text string
	if k.options.behaviour == byUpsert {
		text = k.upsertSQL(stage, between, insert, values)
	} else {
		text = insert + stage + " AS s WHERE s." + between
		if !k.synapse {
			text += " ORDER BY s." + stageRow
		}
	}
	if identity {
		text = "SET IDENTITY_INSERT " + quoted(k.table) + " ON; " + text + "; SET IDENTITY_INSERT " + quoted(k.table) + " OFF"
	}
	return text
}

func (k *sink) lockHint() string {
	if k.options.tableLock && !k.synapse {
		return " WITH (TABLOCK)"
	}
	return ""
}

// upsertSQL updates the rows that are there and inserts the others. Of rows with the same key the last one counts. The
// locks keep the range of each key until the transaction ends, so that another session cannot put a row in between.
func (k *sink) upsertSQL(stage, between, insert string, values []string) string {
	var partition, on, set []string
	for _, i := range k.keys {
		partition = append(partition, stageColumn(i))
		on = append(on, "t."+quote(k.columns[i].name)+" = s."+stageColumn(i))
	}
	for i, c := range k.columns {
		if !k.isUpsertKey(i) && !c.identity {
			set = append(set, quote(c.name)+" = "+values[i])
		}
	}
	latest := "(SELECT *, ROW_NUMBER() OVER (PARTITION BY " + strings.Join(partition, ", ") + " ORDER BY " + stageRow + " DESC) AS dmg_last FROM " + stage +
		" WHERE " + between + ") AS s"
	hint := " WITH (UPDLOCK, SERIALIZABLE)"
	if k.options.tableLock {
		hint = " WITH (UPDLOCK, SERIALIZABLE, TABLOCK)"
	}
	if k.synapse {
		hint = ""
	}
	match := strings.Join(on, " AND ")
	text := ""
	if len(set) > 0 {
		text = "UPDATE t SET " + strings.Join(set, ", ") + " FROM " + quoted(k.table) + " AS t" + hint + " JOIN " + latest + " ON " + match + " WHERE s.dmg_last = 1; "
	}
	return text + insert + latest + " WHERE s.dmg_last = 1 AND NOT EXISTS (SELECT 1 FROM " + quoted(k.table) + " AS t" + hint + " WHERE " + match + ")"
}

func (k *sink) isUpsertKey(column int) bool {
	return slices.Contains(k.keys, column)
}
