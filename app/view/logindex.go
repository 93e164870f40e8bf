package view

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
)

const (
	logPiece = 4 << 20 // bytes of a file that are indexed at a time
	// logMost is how many lines are indexed, the newest ones; older ones stay in their files.
	logMost = 2_000_000
	// maxUnpacked bounds what a damaged or foreign compressed file may become, in bytes.
	maxUnpacked = 256 << 20
)

// logFile is one file of the log. Where it is renamed or compressed, what is in it stays the same.
type logFile struct{ path string }

// read reads a part of the file; it may be shorter where the file is.
func (f *logFile) read(cache *unpacked, from, to int64) ([]byte, error) {
	if from >= to {
		return nil, nil
	}
	if !strings.HasSuffix(f.path, ".gz") {
		data, err := readRange(f.path, from, to)
		if !errors.Is(err, fs.ErrNotExist) {
			return data, err
		}
		if _, there := os.Stat(f.path + ".gz"); there != nil {
			return nil, err
		}
		f.path += ".gz" // compressed meanwhile
	}
	whole, err := cache.get(f.path)
	from, to = min(from, int64(len(whole))), min(to, int64(len(whole)))
	return whole[from:to], err
}

func readRange(path string, from, to int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, to-from)
	n, err := f.ReadAt(data, from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], err
}

// unpacked keeps the compressed file that was read last.
type unpacked struct {
	path string
	data []byte
}

func (u *unpacked) get(path string) ([]byte, error) {
	if u.path == path {
		return u.data, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	u.path = ""
	b := bytes.NewBuffer(u.data[:0])
	_, err = b.ReadFrom(io.LimitReader(z, maxUnpacked))
	u.data, u.path = b.Bytes(), path // what is before the damage can be read
	return u.data, err
}

// piece is a part of a file, from the beginning of a line to the end of one.
type piece struct {
	file     *logFile
	from, to int64    // to grows in the present file; math.MaxInt64 for a whole compressed file
	starts   []uint32 // of the lines, counted from from
	marks    []uint8
	known    bool     // it is indexed up to to
	hits     []uint32 // indexes of the lines that are wanted, where not all are
	all      bool
}

func (p *piece) wanted() int {
	if p.all {
		return len(p.starts)
	}
	return len(p.hits)
}

// line is the n-th wanted one, as an index of starts.
func (p *piece) line(n int) int {
	if p.all {
		return n
	}
	return int(p.hits[n])
}

// add indexes data, which begins at offset at of the piece, and gives the number of bytes up to the end of the last
// line. Of a file that does not grow the last line needs no end.
func (p *piece) add(data []byte, at int64, last bool) int64 {
	var done int
	for done < len(data) && at+int64(done) < math.MaxUint32 {
		end := bytes.IndexByte(data[done:], '\n')
		next := done + end + 1
		if end < 0 {
			if !last {
				break
			}
			end, next = len(data)-done, len(data)
		}
		if line := data[done : done+end]; len(bytes.TrimSpace(line)) > 0 {
			p.starts = append(p.starts, uint32(at)+uint32(done))
			p.marks = append(p.marks, markOf(line))
		}
		done = next
	}
	return int64(done)
}

// choose finds the wanted ones of the lines from index first on. data is the piece from byte at on; it is nil where the
// marks are enough.
func (p *piece) choose(f LogFilter, m *matcher, first int, data []byte, at uint32) {
	if f.Level == 0 && f.Part == 0 && m == nil {
		p.all, p.hits = true, nil
		return
	}
	p.all = false
	for i := first; i < len(p.starts); i++ {
		if !f.takes(p.marks[i]) {
			continue
		}
		if m != nil && !m.matches(lineAt(data, p.starts[i]-at)) {
			continue
		}
		p.hits = append(p.hits, uint32(i))
	}
}

// lineAt is the line that begins at an offset, without its end.
func lineAt(data []byte, at uint32) []byte {
	if int64(at) >= int64(len(data)) {
		return nil
	}
	line := data[at:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	return bytes.TrimRight(line, "\r")
}

// pieces cuts a file into pieces that begin with lines, the first first.
func pieces(path string) ([]*piece, error) {
	f := &logFile{path}
	if strings.HasSuffix(path, ".gz") {
		return []*piece{{file: f, to: math.MaxInt64}}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var list []*piece
	from := int64(0)
	for from < info.Size() {
		to := min(from+logPiece, info.Size())
		if to < info.Size() {
			if to, err = lineEnd(path, to, info.Size()); err != nil {
				return list, err
			}
		}
		list = append(list, &piece{file: f, from: from, to: to})
		from = to
	}
	if len(list) == 0 {
		list = append(list, &piece{file: f})
	}
	return list, nil
}

// lineEnd is where the line ends that is cut at an offset.
func lineEnd(path string, at, size int64) (int64, error) {
	for at < size {
		data, err := readRange(path, at, min(at+16<<10, size))
		if err != nil {
			return size, err
		}
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
		if len(data) == 0 {
			break
		}
		at += int64(len(data))
	}
	return size, nil
}
