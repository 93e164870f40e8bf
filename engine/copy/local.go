package copy

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
)

// localCheckpoints is the state of a run that nobody keeps: in memory, but for long lists of files, which go to a
// temporary file.
type localCheckpoints struct {
	memoryCheckpoints
	lists spill
}

var _ files.Chunks = (*localCheckpoints)(nil)

// ForgetChunks implements files.Chunks.
func (c *localCheckpoints) ForgetChunks(context.Context) error { return c.lists.close() }

// AddChunks implements files.Chunks.
func (c *localCheckpoints) AddChunks(_ context.Context, _ int, bodies [][]byte) error {
	return c.lists.add(bodies)
}

// Chunk implements files.Chunks.
func (c *localCheckpoints) Chunk(_ context.Context, number int) ([]byte, error) {
	return c.lists.get(number)
}

func (c *localCheckpoints) close() error { return c.lists.close() }

// spillFrom is the number of bytes up to which a spill stays in memory.
const spillFrom = 1 << 20

// spill keeps pieces of bytes, in a temporary file once they are many.
type spill struct {
	mu    sync.Mutex
	ends  []int64 // of the pieces, in one after the other
	early []byte  // all of them, while they are few
	file  *os.File
}

func (s *spill) add(pieces [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var end int64
	if n := len(s.ends); n > 0 {
		end = s.ends[n-1]
	}
	for _, p := range pieces {
		end += int64(len(p))
		s.ends = append(s.ends, end)
		s.early = append(s.early, p...)
	}
	if s.file == nil && len(s.early) < spillFrom {
		return nil
	}
	if err := s.write(); err != nil {
		return fault.New(fault.StoreFailed, "keep the list of files in a temporary file").At(os.TempDir()).Because(err).
			Try("Make space in the folder for temporary files, or name another one by the environment (TMPDIR, on Windows TEMP).")
	}
	return nil
}

// write moves what is in memory to the file.
func (s *spill) write() error {
	if s.file == nil {
		f, err := os.CreateTemp("", "dmgateway-list-*")
		if err != nil {
			return err
		}
		s.file = f
	}
	_, err := s.file.Write(s.early)
	s.early = s.early[:0]
	return err
}

func (s *spill) get(number int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number < 0 || number >= len(s.ends) {
		return nil, fault.New(fault.Internal, "the list of files has no part %d", number)
	}
	var from int64
	if number > 0 {
		from = s.ends[number-1]
	}
	out := make([]byte, s.ends[number]-from)
	if s.file == nil {
		copy(out, s.early[from:])
		return out, nil
	}
	if _, err := s.file.ReadAt(out, from); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fault.New(fault.StoreFailed, "read the list of files from a temporary file").At(s.file.Name()).Because(err)
	}
	return out, nil
}

func (s *spill) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.file
	s.ends, s.early, s.file = nil, nil, nil
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
