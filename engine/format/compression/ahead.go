package compression

import (
	"io"
	"sync"

	"dmgateway/engine/fault"
)

// ahead reads from another reader in a goroutine of its own, so that decompressing and what is done with the data go on
// at the same time. The goroutine ends with Close, at the latest when the reader's current Read returns.
type ahead struct {
	r    io.ReadCloser
	full chan piece
	free chan []byte
	stop chan struct{}
	done chan struct{}
	once sync.Once

	now  piece
	rest []byte
}

type piece struct {
	data []byte
	err  error
}

const (
	aheadBytes  = 256 << 10
	aheadPieces = 3
)

func newAhead(r io.ReadCloser) *ahead {
	a := &ahead{
		r: r, full: make(chan piece, aheadPieces), free: make(chan []byte, aheadPieces),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	return a
}

// begin starts the goroutine with the first Read.
func (a *ahead) begin() {
	for range aheadPieces {
		a.free <- make([]byte, aheadBytes)
	}
	go a.run()
}

func (a *ahead) run() {
	defer close(a.done)
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.stop:
			return
		}
		n, err := fillUp(a.r, buf)
		select {
		case a.full <- piece{buf[:n], err}:
		case <-a.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// fillUp fills buf as far as there is data; unlike io.ReadFull it leaves errors as they are.
func fillUp(r io.Reader, buf []byte) (n int, err error) {
	defer fault.Recover(&err)
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// Read gives what was read ahead.
func (a *ahead) Read(p []byte) (int, error) {
	if a.free == nil {
		return 0, io.ErrClosedPipe
	}
	a.once.Do(a.begin)
	for len(a.rest) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.data != nil {
			a.free <- a.now.data[:cap(a.now.data)]
		}
		a.now = <-a.full
		a.rest = a.now.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close ends the goroutine and closes the reader.
func (a *ahead) Close() error {
	if a.free == nil {
		return nil
	}
	close(a.stop)
	a.once.Do(func() { close(a.done) }) // never begun
	<-a.done
	a.free = nil
	return a.r.Close()
}
