package compression

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"

	"github.com/klauspost/compress/flate"
)

const (
	// block is how much text one goroutine compresses at a time.
	block = 512 << 10
	// window is how far back deflate can refer: each block starts with the end of the one before as its dictionary, so
	// that cutting the text into blocks costs next to nothing in size.
	window = 32 << 10
)

// frame is what stands around a deflate stream.
type frame interface {
	head() []byte
	tail(crc uint32, size int64) []byte
}

type (
	rawFrame  struct{}
	gzipFrame struct{}
)

func (rawFrame) head() []byte              { return nil }
func (rawFrame) tail(uint32, int64) []byte { return nil }
func (gzipFrame) head() []byte             { return []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255} }
func (gzipFrame) tail(crc uint32, size int64) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc), uint32(size))
}

// parallel compresses blocks in several goroutines into one deflate stream. Its goroutines end with Close.
type parallel struct {
	w     io.Writer
	frame frame
	buf   []byte
	dict  []byte
	crc   uint32
	size  int64

	started bool
	closed  bool
	err     error
	free    chan *job // idle jobs: as many as may run at once
	running []*job    // in the order of the text
}

// job is one block on its way.
type job struct {
	text, dict []byte
	final      bool
	out        bytes.Buffer
	z          *flate.Writer
	err        error
	done       chan struct{}
}

func newParallel(w io.Writer, level int, f frame) *parallel {
	n := runtime.GOMAXPROCS(0) + 1
	p := &parallel{w: w, frame: f, free: make(chan *job, n), buf: make([]byte, 0, block)}
	for range n {
		z, err := flate.NewWriter(io.Discard, level)
		if err != nil {
			p.err = err
		}
		p.free <- &job{z: z, done: make(chan struct{}, 1)}
	}
	return p
}

// Write takes text; p is not kept.
func (p *parallel) Write(b []byte) (int, error) {
	total := len(b)
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

// start gives the buffer to a goroutine, waiting for the oldest one where all are busy.
func (p *parallel) start(final bool) {
	for len(p.free) == 0 && len(p.running) > 0 {
		p.collect()
	}
	if p.err != nil {
		return
	}
	p.crc = crc32.Update(p.crc, crc32.IEEETable, p.buf)
	p.size += int64(len(p.buf))
	j := <-p.free
	j.final = final
	j.dict = append(j.dict[:0], p.dict...)
	if tail := p.buf[max(0, len(p.buf)-window):]; len(tail) > 0 {
		p.dict = append(p.dict[:0], tail...)
	}
	if j.text == nil && !final {
		j.text = make([]byte, 0, block)
	}
	j.text, p.buf = p.buf, j.text[:0]
	p.running = append(p.running, j)
	go j.run()
}

func (j *job) run() {
	j.out.Reset()
	j.z.ResetDict(&j.out, j.dict)
	_, j.err = j.z.Write(j.text)
	if j.err == nil {
		if j.final {
			j.err = j.z.Close()
		} else {
			j.err = j.z.Flush()
		}
	}
	j.done <- struct{}{}
}

// collect waits for the oldest block and writes it.
func (p *parallel) collect() {
	j := p.running[0]
	p.running = append(p.running[:0], p.running[1:]...)
	<-j.done
	if p.err == nil {
		p.err = j.err
	}
	if p.err == nil && !p.started {
		p.started = true
		p.put(p.frame.head())
	}
	p.put(j.out.Bytes())
	p.free <- j
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
	p.put(p.frame.tail(p.crc, p.size))
	return p.err
}
