package files

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// flaky gives a file's content in pieces, with an error after each.
type flaky struct {
	store.Files
	content string
	piece   int
	err     error
	opened  int
}

func (f *flaky) Open(_ context.Context, _ store.File, offset, length int64) (io.ReadCloser, error) {
	f.opened++
	rest := f.content[offset:]
	if length >= 0 {
		rest = rest[:length]
	}
	if len(rest) <= f.piece {
		return io.NopCloser(strings.NewReader(rest)), nil
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(rest[:f.piece]), iotest.ErrReader(f.err))), nil
}

func TestAStreamGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	passing := fault.New(fault.StoreFailed, "connection reset").AsTransient()
	content := strings.Repeat("0123456789", 100)
	for _, length := range []int64{-1, 777} {
		f := &flaky{content: content, piece: 64, err: passing}
		var bytes counter
		r, err := OpenStream(t.Context(), f, store.File{Size: int64(len(content))}, 100, length, &bytes)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		want := content[100:]
		if length >= 0 {
			want = want[:length]
		}
		if err := errors.Join(err, r.Close()); err != nil || string(got) != want || bytes.Load() != int64(len(want)) {
			t.Errorf("length %d: %d bytes, counted %d, %v", length, len(got), bytes.Load(), err)
		}
		if f.opened < 10 {
			t.Errorf("opened %d times", f.opened)
		}
	}
}

func TestAStreamGivesUp(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"lasting":            errors.New("no"),
		"without a byte":     fault.New(fault.StoreFailed, "connection reset").AsTransient(),
		"unexpected the end": io.ErrUnexpectedEOF,
	} {
		f := &flaky{content: "0123456789", piece: 0, err: err}
		if name == "lasting" {
			f.piece = 3
		}
		r, oerr := OpenStream(t.Context(), f, store.File{Size: 10}, 0, -1, nil)
		if oerr != nil {
			t.Fatal(oerr)
		}
		if _, got := io.ReadAll(r); !errors.Is(got, err) {
			t.Errorf("%s: %v", name, got)
		}
		if f.opened > maxBroken+1 {
			t.Errorf("%s: opened %d times", name, f.opened)
		}
	}
}

// stuck never gives a byte until it is closed.
type stuck struct {
	store.Files
	pipe *io.PipeReader
}

func (s stuck) Open(context.Context, store.File, int64, int64) (io.ReadCloser, error) {
	return s.pipe, nil
}

func TestACancelEndsAReadThatWaits(t *testing.T) {
	t.Parallel()
	pr, pw := io.Pipe()
	defer func() { _ = pw.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r, err := OpenStream(ctx, stuck{pipe: pr}, store.File{Size: 10}, 0, -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the read ended with %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
