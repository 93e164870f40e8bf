package parquet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

const (
	// tailBytes is how much of a file's end is read at once: most footers are in it.
	tailBytes = 64 << 10
	// bufferBytes is shared out among the columns that are read at once.
	bufferBytes         = 32 << 20
	leastRead, mostRead = 8 << 10, 4 << 20
	// batchBytes bounds the numbers of a batch, so that thousands of columns come in fewer rows.
	batchBytes = 16 << 20
	// leastPage and mostPage bound what a page's header may say of its size.
	leastPage, mostPage = 64 << 20, 1 << 30
)

// input makes an io.ReaderAt of a file. It keeps the store's own error, which the file library would wrap.
type input struct {
	ctx  context.Context //nolint:containedctx // replaced by each Next: io.ReaderAt has no other way
	in   format.Input
	at   int64
	tail []byte // the file's last bytes
	mu   sync.Mutex
	err  error // guarded by mu: columns are read by several goroutines
}

// failure is the store's own error, nil where it has not failed.
func (r *input) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Seek tells the size; reading goes by ReadAt alone.
func (r *input) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		r.at = offset
	case io.SeekCurrent:
		r.at += offset
	case io.SeekEnd:
		r.at = r.in.Size + offset
	}
	return r.at, nil
}

// ReadAt reads len(p) bytes, from the kept tail where they are in it.
func (r *input) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > r.in.Size {
		return 0, fmt.Errorf("offset %d is outside the file of %d bytes", off, r.in.Size)
	}
	if start := r.in.Size - int64(len(r.tail)); len(r.tail) > 0 && off >= start {
		n := copy(p, r.tail[off-start:])
		if n < len(p) {
			return n, io.EOF
		}
		return n, nil
	}
	n, err := r.read(p, off)
	if err != nil && err != io.EOF { //nolint:errorlint // io.ReaderAt's own contract
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
	}
	return n, err
}

func (r *input) read(p []byte, off int64) (int, error) {
	want := min(int64(len(p)), r.in.Size-off)
	body, err := r.in.Open(r.ctx, off, want)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p[:want])
	switch {
	case err != nil:
		return n, err
	case n < len(p):
		return n, io.EOF
	}
	return n, nil
}

func (r *input) readTail() error {
	tail := make([]byte, min(tailBytes, r.in.Size))
	if _, err := r.ReadAt(tail, r.in.Size-int64(len(tail))); err != nil && err != io.EOF { //nolint:errorlint // as above
		return err
	}
	r.tail = tail
	return nil
}

// open reads the footer and finds the columns.
func open(ctx context.Context, in format.Input) (_ *reader, err error) {
	if in.Size < 0 {
		return nil, fault.New(fault.Unsupported, "a Parquet file can be read only from a store that tells its size").At(in.Name).
			Try("Leave the dataset's compression out: Parquet files are compressed inside.")
	}
	src := &input{ctx: ctx, in: in}
	r := &reader{src: src, heldLimit: 2 * mostHeld}
	defer r.recovered(&err)
	if err := src.readTail(); err != nil {
		return nil, r.damaged(err)
	}
	if err := encrypted(src.tail); err != nil {
		return nil, err.At(in.Name)
	}
	registerOldLZ4()
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	// A page may hold one giant value, but no more than the file can.
	props.MaxCompressedPageSize = min(mostPage, max(leastPage, in.Size))
	props.MaxUncompressedPageSize = min(mostPage, max(leastPage, 1024*in.Size))
	r.props = props
	if r.file, err = file.NewParquetReader(src, file.WithReadProps(props)); err != nil {
		return nil, r.damaged(err)
	}
	props.MaxUncompressedPageSize = max(props.MaxUncompressedPageSize, min(mostPage, dense(r.file)))
	if r.file.MetaData().IsSetEncryptionAlgorithm() {
		return nil, errEncrypted().At(in.Name)
	}
	if r.all, err = columnsOf(r.file.MetaData().Schema); err != nil {
		e := *fault.As(err)
		e.Target = in.Name
		return nil, &e
	}
	r.findInstants()
	for _, c := range r.all {
		r.schema = append(r.schema, c.field)
	}
	return r, nil
}

// dense is the size of the largest column chunk in a codec whose ratio has no bound: 100 MiB of one letter are 4 KiB of zstd.
func dense(f *file.Reader) (size int64) {
	for i := range f.NumRowGroups() {
		g := f.MetaData().RowGroup(i)
		for at := range g.NumColumns() {
			c, err := g.ColumnChunk(at)
			if err == nil && (c.Compression() == compress.Codecs.Zstd || c.Compression() == compress.Codecs.Brotli) {
				size = max(size, c.TotalUncompressedSize())
			}
		}
	}
	return size
}

func errEncrypted() *fault.Error {
	return fault.New(fault.Unsupported, "the Parquet file is encrypted").Try("Write it without encryption.")
}

// encrypted refuses a file whose footer cannot be read without a key.
func encrypted(tail []byte) *fault.Error {
	if bytes.HasSuffix(tail, []byte("PARE")) {
		return errEncrypted()
	}
	return nil
}

// project chooses the columns to read. They come with their own types.
func (r *reader) project(want batch.Schema) error {
	all := r.schema
	r.schema, r.columns = make(batch.Schema, len(want)), make([]column, len(want))
	leaves := 0
	read := make([]bool, len(all))
	for i, w := range want {
		at := all.Index(w.Name)
		if at < 0 {
			return fault.New(fault.NotFound, "the file has no column %q", w.Name).At(r.src.in.Name).Try("Check the mapping.")
		}
		r.schema[i], r.columns[i] = all[at], r.all[at]
		r.schema[i].Name = w.Name
		read[at] = true
		leaves += len(r.columns[i].leaves)
	}
	for i, f := range all {
		if !read[i] {
			r.notes = append(r.notes, format.Note{Column: f.Name})
		}
	}
	r.props.BufferSize = min(mostRead, max(leastRead, bufferBytes/int64(max(leaves, 1))))
	return nil
}
