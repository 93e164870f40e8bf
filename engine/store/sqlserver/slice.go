package sqlserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// adoptSlice adds the column of sliceIdentifierColumnName to those that are written. Its value is the same for every run
// over the same slice.
func (k *sink) adoptSlice(columns []column) error {
	name := k.options.slice
	if name == "" {
		return nil
	}
	if k.env.Slice == "" {
		return fault.New(fault.BadInput, "sliceIdentifierColumnName needs a run with a window, which tells the slice").At(k.target()).
			Try("Run the activity for a window, or use sqlWriterCleanupScript.")
	}
	if k.fields.Index(name) >= 0 {
		return fault.New(fault.BadInput, "the column %q holds the identifier of the slice and is filled by the copy", name).At(k.target()).
			Try("Leave the column out of the mapping.")
	}
	i := schemaOf(columns).Index(name)
	if i < 0 {
		return fault.New(fault.NotFound, "the table has no column %q for the identifier of the slice", name).At(k.target()).
			Try("Add a column of type binary(32) to the table, or correct sliceIdentifierColumnName.")
	}
	c := columns[i]
	if c.typ != "binary" && c.typ != "varbinary" || c.length != 0 && c.length < sha256.Size {
		return fault.New(fault.BadInput, "the column %q is a %s and cannot hold the identifier of a slice", c.name, c.native()).At(k.target()).
			Try("Give the column the type binary(32).")
	}
	k.use(c, batch.Type{Kind: batch.Binary})
	sum := sha256.Sum256([]byte(k.env.Slice))
	k.sliceID = bytes.Clone(sum[:])
	return nil
}

// cleanSlice deletes what an earlier run wrote for the slice.
func (k *sink) cleanSlice(ctx context.Context) error {
	if k.sliceID == nil {
		return nil
	}
	text := "DELETE FROM " + quoted(k.table) + " WHERE " + quote(k.columns[len(k.columns)-1].name) + " = 0x" + hex.EncodeToString(k.sliceID)
	_, err := k.c.exec(ctx, text)
	return explain(ctx, err, "delete the rows of the slice", k.target())
}
