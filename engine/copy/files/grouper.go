package files

import (
	"compress/flate"
	"context"
	"encoding/binary"
	"hash/fnv"

	"dmgateway/engine/store"
)

// Grouper makes partitions of files as they are found, in groups as [Groups] makes them, without holding more than one
// group in memory. Add takes a file, End the last group; Partitions has the result then.
type Grouper struct {
	Base string
	// Chunks keeps the lists of many files; where it is nil, they are in the Specs.
	Chunks Chunks
	// Grouping is Any for groups, OneByOne or Together.
	Grouping Grouping

	Partitions []store.Partition
	Files      int64 // so far

	pending []store.File
	size    int64 // of pending
	many    bool  // more than fewFiles have come

	bodies   [][]byte // chunks that are not kept yet
	chunks   int      // with these
	sum      uint64   // of them
	bytes    int64    // of all files
	deflater *flate.Writer
}

const (
	keptAtOnce    = 64      // chunks that are kept by one call
	maxChunkFiles = 100_000 // more in a chunk means that it is damaged
	maxList       = 1024    // files in a chunk where groups do not matter
)

// Add puts one more file into the plan.
func (g *Grouper) Add(ctx context.Context, f store.File) error {
	g.Files++
	g.bytes += f.Size
	if g.Grouping == OneByOne {
		g.Partitions = append(g.Partitions, Part{Files: []store.File{f}, Base: g.Base}.Partition(len(g.Partitions)))
		return nil
	}
	g.pending = append(g.pending, f)
	g.size += f.Size
	if !g.many {
		if len(g.pending) > fewFiles {
			g.many = true
			return g.cut(ctx)
		}
		return nil
	}
	last := len(g.pending) - 1
	if last > 0 && (last >= g.most() || g.Grouping != Together && g.size > maxGroupBytes) {
		if err := g.emit(ctx, g.pending[:last]); err != nil {
			return err
		}
		g.pending, g.size = append(g.pending[:0], f), f.Size
	}
	return nil
}

// most is how many files a group has at most, once they are many.
func (g *Grouper) most() int {
	switch {
	case g.Grouping != Together:
		return maxTogether
	case g.Chunks == nil:
		return int(^uint(0) >> 1)
	}
	return maxList
}

// cut divides the first files, now that they are many.
func (g *Grouper) cut(ctx context.Context) error {
	if g.Grouping == Together {
		return nil
	}
	groups := Groups(g.pending)
	for _, x := range groups[:len(groups)-1] {
		if err := g.emit(ctx, x); err != nil {
			return err
		}
	}
	g.pending = append([]store.File(nil), groups[len(groups)-1]...)
	g.size = 0
	for _, x := range g.pending {
		g.size += x.Size
	}
	return nil
}

// Few are the files where they are too few for groups, before End.
func (g *Grouper) Few() (list []store.File, ok bool) { return g.pending, !g.many }

// End makes the partitions of what is left.
func (g *Grouper) End(ctx context.Context) error {
	if len(g.pending) > 0 {
		groups := [][]store.File{g.pending}
		if !g.many && g.Grouping != Together {
			groups = Groups(g.pending)
		}
		for _, x := range groups {
			if err := g.emit(ctx, x); err != nil {
				return err
			}
		}
		g.pending = nil
	}
	if err := g.keep(ctx); err != nil {
		return err
	}
	if g.Grouping == Together && g.chunks > 0 {
		k := kept{files: g.Files, to: g.chunks, sum: g.sum}
		g.Partitions = append(g.Partitions, store.Partition{ID: partID(0), Spec: k.spec(), Bytes: g.bytes})
	}
	return nil
}

// emit makes a partition of the files, or a part of the one that they all are in.
func (g *Grouper) emit(ctx context.Context, list []store.File) error {
	x := Part{Files: list, Base: g.Base}
	if g.Chunks == nil || !g.many {
		g.Partitions = append(g.Partitions, x.Partition(len(g.Partitions)))
		return nil
	}
	body := g.chunk(x)
	if g.Grouping != Together {
		k := kept{int64(len(list)), g.chunks, g.chunks + 1, summed(0, body)}
		p := store.Partition{ID: partID(len(g.Partitions)), Spec: k.spec()}
		for _, f := range list {
			p.Bytes += f.Size
		}
		g.Partitions = append(g.Partitions, p)
	}
	g.bodies, g.sum = append(g.bodies, body), summed(g.sum, body)
	g.chunks++
	if len(g.bodies) == keptAtOnce {
		return g.keep(ctx)
	}
	return nil
}

func (g *Grouper) keep(ctx context.Context) error {
	if len(g.bodies) == 0 {
		return nil
	}
	first := g.chunks - len(g.bodies)
	if first == 0 {
		if err := g.Chunks.ForgetChunks(ctx); err != nil {
			return err
		}
	}
	err := g.Chunks.AddChunks(ctx, first, g.bodies)
	g.bodies = g.bodies[:0]
	return err
}

// summed adds bytes to a sum that tells lists of files apart.
func summed(sum uint64, body []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, sum))
	_, _ = h.Write(body)
	return h.Sum64()
}
