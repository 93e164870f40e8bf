package copy

import (
	"context"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// lending makes the files of a store take blocks of length bytes, which they write in goroutines of their own; trouble
// says which block fails, counted from 1, 0 for none.
func lending(open store.OpenFiles, length int64, trouble int) store.OpenFiles {
	return func(ctx context.Context, env store.Env) (store.Files, error) {
		f, err := open(ctx, env)
		return lendingFiles{f, length, trouble}, err
	}
}

type lendingFiles struct {
	store.Files
	length  int64
	trouble int
}

func (f lendingFiles) Create(ctx context.Context, p string, o store.CreateOptions) (store.FileWriter, error) {
	w, err := f.Files.Create(ctx, p, o)
	return &lendingWriter{FileWriter: w, files: f, turn: closed()}, err
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

type lendingWriter struct {
	store.FileWriter
	files  lendingFiles
	blocks int
	turn   chan struct{} // closed when the block before is written
	wg     sync.WaitGroup
}

func (w *lendingWriter) BlockLength(int64) int64 { return w.files.length }

func (w *lendingWriter) WriteBlock(b []byte, free func()) error {
	w.blocks++
	if w.blocks == w.files.trouble {
		return fault.New(fault.DiskFull, "no space is left")
	}
	before, mine := w.turn, make(chan struct{})
	w.turn = mine
	w.wg.Go(func() {
		<-before
		_, _ = w.Write(b) // the comparison of the content finds what is missing
		free()
		close(mine)
	})
	return nil
}

func (w *lendingWriter) Commit(ctx context.Context) error {
	w.wg.Wait()
	return w.FileWriter.Commit(ctx)
}

func (w *lendingWriter) Abort() error {
	w.wg.Wait()
	return w.FileWriter.Abort()
}

func TestBuffersAreFilledAgainOnlyWhenTheSinkGivesThemBack(t *testing.T) {
	data := make([]byte, 21<<20+17)
	for i := range data {
		data[i] = byte(i>>12) ^ byte(i)
	}
	// 16 MiB leave two buffers, fewer than are read ahead; a half of lentBytes is too long to be lent with one to spare.
	for _, length := range []int64{0, 1 << 20, 4 << 20, 16 << 20, lentBytes} {
		noLeaks(t)
		src, dst := tree(t, map[string]string{"in/large.bin": string(data)}), t.TempDir()
		job := binaryJob(t, src, dst)
		job.Sink.Files.Open = lending(job.Sink.Files.Open, length, 0)
		res, err := Run(t.Context(), job, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := readTree(t, dst)["out/large.bin"]; got != string(data) || res.DataRead != int64(len(data)) || res.DataWritten != int64(len(data)) {
			t.Errorf("blocks of %d: %d bytes came, equal %v, result %+v", length, len(got), got == string(data), res)
		}
	}
}

func TestASinkThatRefusesABlockEndsTheCopy(t *testing.T) {
	noLeaks(t)
	src, dst := tree(t, map[string]string{"in/large.bin": strings.Repeat("0123456789abcdef", 2<<20)}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Sink.Files.Open = lending(job.Sink.Files.Open, 4<<20, 3)
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.DiskFull {
		t.Error(err)
	}
	if got := readTree(t, dst); len(got) != 0 {
		t.Errorf("%d files are seen", len(got))
	}
}

func TestBuffersOfAnySizeCanBeFilled(t *testing.T) {
	for _, size := range []int64{1, 4095, 2 << 20, 4<<20 - 1, 4 << 20, 4<<20 + 1, 9<<20 + 4097} {
		for range 3 { // at different addresses
			b := newBuffer(size)
			if int64(len(b)) != size || int64(cap(b)) < size {
				t.Fatalf("the buffer of %d has %d bytes", size, len(b))
			}
			for i := range b {
				if b[i] != 0 {
					t.Fatalf("byte %d of %d is not 0", i, size)
				}
				b[i] = 1
			}
		}
	}
}
