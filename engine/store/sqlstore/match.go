package sqlstore

import (
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// Match finds each column of want among the table's columns, by name as written, else by the only one that differs in
// case alone, and gives their indexes. A column that is not there, or two that mean the same, are refused; target names
// the table in errors.
func Match(want, table batch.Schema, target string) ([]int, error) {
	if len(want) == 0 {
		return nil, fault.New(fault.BadInput, "there is no column to write").At(target)
	}
	found := make([]int, len(want))
	taken := map[int]string{}
	for i, f := range want {
		k := table.Index(f.Name)
		if k < 0 {
			return nil, fault.New(fault.NotFound, "the table has no column %q", f.Name).At(target).
				Try("Map the column to one of %s, or leave it out of the mapping.", names(table))
		}
		if other, ok := taken[k]; ok {
			return nil, fault.New(fault.BadInput, "the columns %q and %q both go into %q", other, f.Name, table[k].Name).At(target).
				Try("Map each source column to a column of its own.")
		}
		taken[k] = f.Name
		found[i] = k
	}
	return found, nil
}

// Names are the names of the columns in order.
func Names(s batch.Schema) []string {
	list := make([]string, len(s))
	for i, f := range s {
		list[i] = f.Name
	}
	return list
}

func names(s batch.Schema) string {
	list := Names(s)
	if len(list) > 20 {
		list = append(list[:20:20], "…")
	}
	return strings.Join(list, ", ")
}

// NoNull is the error for a NULL on its way into a column that takes none; the caller adds row and column.
func NoNull() *fault.Error {
	return fault.New(fault.StoreFailed, "the column allows no NULL").Try("Correct the row, or change the table's constraint.")
}
