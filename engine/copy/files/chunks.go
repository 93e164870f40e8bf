package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// Chunks keeps lists of files that are too long for memory and for a plan, in chunks of some hundred files. A list is
// written once, while the plan is made, and read as often as one likes; what AddChunks has returned from is as durable as
// the plan. Chunk is called from several goroutines.
type Chunks interface {
	// ForgetChunks removes the chunks that a plan which was never finished has left.
	ForgetChunks(ctx context.Context) error
	// AddChunks keeps chunks with the numbers first, first+1, …; first is how many there are already.
	AddChunks(ctx context.Context, first int, bodies [][]byte) error
	// Chunk gives one of them; the caller may keep it.
	Chunk(ctx context.Context, number int) ([]byte, error)
}

// keptMark begins a Spec whose files are in chunks: "@files:from-to:sum", to not included.
const keptMark = '@'

// kept is what such a Spec says.
type kept struct {
	files    int64
	from, to int    // chunks
	sum      uint64 // of their bytes, so that plans with other files are other plans
}

func (k kept) spec() string {
	return fmt.Sprintf("%c%d:%d-%d:%x", keptMark, k.files, k.from, k.to, k.sum)
}

func isKept(spec string) bool { return strings.HasPrefix(spec, string(keptMark)) }

func parseKept(spec string) (k kept, ok bool) {
	if !isKept(spec) {
		return k, false
	}
	n, err := fmt.Sscanf(spec, string(keptMark)+"%d:%d-%d:%x", &k.files, &k.from, &k.to, &k.sum)
	return k, n == 4 && err == nil && k.files > 0 && k.from >= 0 && k.from < k.to && k.spec() == spec
}

var errKept = errors.New("the list of files is kept elsewhere")

// chunk makes the body of a chunk.
func (g *Grouper) chunk(x Part) []byte {
	if g.deflater == nil {
		g.deflater = newDeflater()
	}
	return append(binary.AppendUvarint(nil, uint64(len(x.Files))), x.deflated(g.deflater)...)
}

// parseChunk reads what chunk made.
func parseChunk(body []byte) (Part, error) {
	n, used := binary.Uvarint(body)
	if used <= 0 || n > maxChunkFiles {
		return Part{}, errPacked
	}
	return inflated(int64(n), bytes.NewReader(body[used:]))
}

// list reads the files of a partition part by part, so that only one part is in memory.
type list struct {
	chunks    Chunks
	partition string
	inside    *Part // the Spec's own, until it is given
	next, to  int
}

// newList begins to read a partition's files.
func newList(chunks Chunks, p store.Partition) (*list, error) {
	l := &list{chunks: chunks, partition: p.ID}
	if !isKept(p.Spec) {
		x, err := ParsePart(p)
		l.inside = &x
		return l, err
	}
	k, ok := parseKept(p.Spec)
	if !ok || chunks == nil {
		return nil, l.lost(errPacked)
	}
	l.next, l.to = k.from, k.to
	return l, nil
}

func (l *list) lost(err error) error {
	return fault.New(fault.Internal, "the partition %s does not say which files it has", l.partition).Because(err)
}

// part gives the next files; ok is false behind the last.
func (l *list) part(ctx context.Context) (x Part, ok bool, err error) {
	if l.inside != nil {
		x, l.inside = *l.inside, nil
		return x, true, nil
	}
	if l.next == l.to {
		return x, false, nil
	}
	body, err := l.chunks.Chunk(ctx, l.next)
	if err != nil {
		return x, false, err
	}
	if x, err = parseChunk(body); err != nil {
		return x, false, l.lost(err)
	}
	l.next++
	return x, true, nil
}

// EachPart calls fn for the files of a partition, some hundred at a time and in order. An error of fn ends it and is
// returned.
func EachPart(ctx context.Context, chunks Chunks, p store.Partition, fn func(Part) error) error {
	l, err := newList(chunks, p)
	if err != nil {
		return err
	}
	for {
		x, ok, err := l.part(ctx)
		if err != nil || !ok {
			return err
		}
		if err := fn(x); err != nil {
			return err
		}
	}
}

// ChunksOf is how many chunks the plan's lists are in.
func ChunksOf(partitions []store.Partition) int {
	most := 0
	for _, p := range partitions {
		if k, ok := parseKept(p.Spec); ok {
			most = max(most, k.to)
		}
	}
	return most
}
