package compression

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"runtime"

	"dmgateway/engine/fault"
)

// scheme says how a text is compressed in blocks by several goroutines.
type scheme struct {
	block   int // bytes of text of one block
	window  int // how much of the text before it a block may refer to, its dictionary
	encoder func() (encode, error)
	head    []byte                              // before the first block
	join    func(out []byte) ([]byte, error)    // what is written for an encoded block; nil = itself
	tail    func(crc uint32, size int64) []byte // behind the last block; nil = nothing
}

// encode compresses one block into dst. It is called by one goroutine at a time.
type encode func(dst *bytes.Buffer, b *blockText) error

// blockText is what is to be compressed.
type blockText struct {
	text, dict  []byte
	first, last bool
}

// mostWorkers bounds the memory that one file's compression takes.
const mostWorkers = 16

// parallel compresses blocks in several goroutines and writes them in their order. Its goroutines end with Close.
type parallel struct {
	w    io.Writer
	how  scheme
	buf  []byte
	dict []byte
	crc  uint32
	size int64

	begun   bool // a block was started
	headed  bool
	closed  bool
	err     error
	free    []*job // idle
	made    int
	most    int
	running []*job // in the order of the text
}

// job is one block on its way.
type job struct {
	blockText
	encode encode
	out    bytes.Buffer
	err    error
	done   chan struct{}
}

func newParallel(w io.Writer, how scheme) *parallel {
	return &parallel{w: w, how: how, most: min(mostWorkers, runtime.GOMAXPROCS(0)+1)}
}

// Write takes text; b is not kept.
func (p *parallel) Write(b []byte) (int, error) {
	total := len(b)
	if p.buf == nil {
		p.buf = make([]byte, 0, p.how.block)
	}
	for len(b) > 0 && p.err == nil {
		n := copy(p.buf[len(p.buf):cap(p.buf)], b)
		p.buf, b = p.buf[:len(p.buf)+n], b[n:]
		if len(p.buf) == cap(p.buf) {
			p.start(false)
		}
	}
	if p.err != nil {
		return total - len(b), p.err
	}
	return total, nil
}

// readPiece is what is asked of a reader at once: so little that it is still in the processor's cache when it is looked at.
const readPiece = 256 << 10

// ReadFrom reads r to its end straight into the blocks.
func (p *parallel) ReadFrom(r io.Reader) (total int64, err error) {
	if p.buf == nil {
		p.buf = make([]byte, 0, p.how.block)
	}
	for p.err == nil {
		room := p.buf[len(p.buf):cap(p.buf)]
		n, err := r.Read(room[:min(len(room), readPiece)])
		p.buf = p.buf[:len(p.buf)+n]
		total += int64(n)
		if len(p.buf) == cap(p.buf) {
			p.start(false)
		}
		if errors.Is(err, io.EOF) {
			return total, p.err
		}
		if err != nil {
			return total, err
		}
	}
	return total, p.err
}

// idle gives a job to use, waiting for the oldest one where all are busy; nil after an error.
func (p *parallel) idle() *job {
	for len(p.free) == 0 && p.made == p.most && p.err == nil {
		p.collect()
	}
	if p.err != nil {
		return nil
	}
	if n := len(p.free); n > 0 {
		j := p.free[n-1]
		p.free = p.free[:n-1]
		return j
	}
	e, err := p.how.encoder()
	if err != nil {
		p.err = err
		return nil
	}
	p.made++
	return &job{encode: e, done: make(chan struct{}, 1)}
}

// start gives the buffer to a goroutine.
func (p *parallel) start(last bool) {
	j := p.idle()
	if j == nil {
		return
	}
	if p.how.tail != nil {
		p.crc = crc32.Update(p.crc, crc32.IEEETable, p.buf)
	}
	p.size += int64(len(p.buf))
	j.first, j.last, p.begun = !p.begun, last, true
	if p.how.window > 0 {
		j.dict = append(j.dict[:0], p.dict...)
		if tail := p.buf[max(0, len(p.buf)-p.how.window):]; len(tail) > 0 {
			p.dict = append(p.dict[:0], tail...)
		}
	}
	next := j.text
	if next == nil && !last {
		next = make([]byte, 0, p.how.block)
	}
	j.text, p.buf = p.buf, next[:0]
	p.running = append(p.running, j)
	go j.run()
}

func (j *job) run() {
	defer func() { j.done <- struct{}{} }()
	defer fault.Recover(&j.err)
	j.out.Reset()
	j.err = j.encode(&j.out, &j.blockText)
}

// collect waits for the oldest block and writes it.
func (p *parallel) collect() {
	j := p.running[0]
	p.running = append(p.running[:0], p.running[1:]...)
	<-j.done
	if p.err == nil {
		p.err = j.err
	}
	if !p.headed {
		p.headed = true
		p.put(p.how.head)
	}
	out := j.out.Bytes()
	if p.how.join != nil && p.err == nil {
		out, p.err = p.how.join(out)
	}
	p.put(out)
	p.free = append(p.free, j)
}

func (p *parallel) put(b []byte) {
	if p.err == nil && len(b) > 0 {
		_, p.err = p.w.Write(b)
	}
}

// Close writes what is left and waits for all goroutines.
func (p *parallel) Close() error {
	if p.closed {
		return p.err
	}
	p.closed = true
	p.start(true)
	for len(p.running) > 0 {
		p.collect()
	}
	if p.how.tail != nil && p.err == nil {
		p.put(p.how.tail(p.crc, p.size))
	}
	p.free, p.buf = nil, nil
	return p.err
}
