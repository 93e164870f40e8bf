package sqlstore

import (
	"slices"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// The rules of an upsert, alike in every store:
//
//   - Of rows with the same key the one that comes last counts.
//   - A NULL in a key column is refused, as a row that breaks a constraint is: NULL equals nothing, so such a row would be
//     added again by every run.
//   - A server that finds the rows to replace by an index needs a unique one on exactly the keys; that is looked for before
//     a row is read.
//   - Rows count as they were given to the sink, whether they were added, changed or superseded.

// UpsertKeys finds the key columns of an upsert among the fields that are written, and marks them as taking no NULL. It
// gives their names as the table spells them, in the order of the fields; nil where no upsert is asked for.
func UpsertKeys(fields batch.Schema, o SinkOptions, target string) ([]string, error) {
	if !o.Upsert {
		return nil, nil
	}
	found := make([]int, 0, len(o.Keys))
	for _, key := range o.Keys {
		i := fields.Index(key)
		switch {
		case i < 0:
			return nil, KeyNotWritten(key, target)
		case slices.Contains(found, i):
			return nil, fault.New(fault.BadInput, "upsertSettings.keys names the column %q twice", fields[i].Name).At(target).Try("Name each column once.")
		}
		fields[i].Nullable = false
		found = append(found, i)
	}
	slices.Sort(found)
	names := make([]string, len(found))
	for n, i := range found {
		names[n] = fields[i].Name
	}
	return names, nil
}

// KeyNotWritten is the error for a key column that no source column is mapped to.
func KeyNotWritten(key, target string) *fault.Error {
	return fault.New(fault.BadInput, "the key column %q of upsertSettings is not written", key).At(target).
		Try("Map a source column to it, or correct upsertSettings.keys.")
}

// IsKey reports whether a column that is still to be created is one of the keys of the job.
func IsKey(name string, keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return strings.EqualFold(key, name) })
}

// NoNullIn is the error for a NULL on its way into a column that takes none: because it is a key of the upsert, or by the
// table's own constraint. The caller adds row and column.
func NoNullIn(column string, keys []string) *fault.Error {
	if slices.Contains(keys, column) {
		return NullKey()
	}
	return NoNull()
}

// NullKey is the error for a NULL in a key column of an upsert; the caller adds row and column.
func NullKey() *fault.Error {
	return fault.New(fault.Conflict, "the column is a key of the upsert and cannot be NULL, which equals no row").
		Try("Give the row a key, select only rows that have one, or set enableSkipIncompatibleRow to leave such rows out.")
}

// NotUnique is the error for an upsert into a table without a unique index on exactly its keys. table and columns are
// quoted for the statement that makes one.
func NotUnique(keys []string, table, columns, target string) *fault.Error {
	return fault.New(fault.Conflict, "no unique index is on exactly the columns of upsertSettings.keys: %s", strings.Join(keys, ", ")).At(target).
		Try("Make one: CREATE UNIQUE INDEX dmgateway_key ON %s (%s), or name the columns of the table's key.", table, columns)
}
