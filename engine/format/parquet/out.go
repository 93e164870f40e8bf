package parquet

import (
	"encoding/binary"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

const magic = "PAR1"

// out is the file that is written: row groups and the footer, made of the file library's parts. Its own writer holds all columns
// of a row group in memory, which is too much where there are thousands or where one value is giant.
type out struct {
	w     io.Writer
	n     int64
	props *parquet.WriterProperties
	meta  *metadata.FileMetaDataBuilder

	groups int
	group  *metadata.RowGroupMetaDataBuilder // that is open
}

func newOut(w io.Writer, root *schema.GroupNode, props *parquet.WriterProperties) (*out, error) {
	o := &out{w: w, props: props, meta: metadata.NewFileMetadataBuilder(schema.NewSchema(root), props, nil)}
	_, err := io.WriteString(o, magic)
	return o, err
}

// Write writes and counts.
func (o *out) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	o.n += int64(n)
	return n, err
}

// Tell is where in the file the next byte comes.
func (o *out) Tell() int64 { return o.n }

func (o *out) begin() { o.group = o.meta.AppendRowGroup() }

// column begins the next column of the row group. Columns that are not buffered have to be complete before the next one.
func (o *out) column(at int, buffered bool) (file.ColumnChunkWriter, error) {
	meta := o.group.NextColumnChunk()
	path := meta.Descr().Path()
	pager, err := file.NewPageWriter(o, o.props.CompressionFor(path), o.props.CompressionLevelFor(path), meta,
		int16(o.groups), int16(at), o.props.Allocator(), buffered, nil, nil)
	if err != nil {
		return nil, err
	}
	return file.NewColumnChunkWriter(meta, pager, o.props), nil
}

// end completes the row group, whose columns are complete.
func (o *out) end(rows int) error {
	o.group.SetNumRows(rows)
	err := o.group.Finish(0, int16(o.groups))
	o.groups, o.group = o.groups+1, nil
	return err
}

// close writes the footer.
func (o *out) close() error {
	meta, err := o.meta.Finish()
	if err != nil {
		return err
	}
	n, err := meta.WriteTo(o, nil)
	if err != nil {
		return err
	}
	_, err = o.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), magic...))
	return err
}
