package oracle

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// wire is the network connection of a session. It counts what comes in, looks at the listener's answer, and can send an
// interrupt while the driver waits for rows, which the driver itself can do only before the first of them.
type wire struct {
	net.Conn
	tls bool // what goes through is encrypted by the driver, so nothing can be put between

	writing  sync.Mutex
	read     atomic.Int64
	closing  atomic.Bool // deadlines that the driver sets no longer count
	head     []byte      // the first bytes that came in, until they hold the listener's answer
	answered atomic.Bool
	long     bool // packets carry their length in four bytes
	services bool // the server negotiates encryption
}

// Offsets in an ACCEPT packet, and what they mean, as the driver reads them.
const (
	packetType    = 4
	acceptPacket  = 2
	acceptVersion = 8
	acceptFlags   = 22
	longVersion   = 315 // of the protocol, from which on packets carry their length in four bytes
)

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.read.Add(int64(n))
	if n > 0 && !w.tls && !w.answered.Load() {
		w.look(p[:n])
	}
	return n, err
}

// look reads the listener's answer. The answer to a connect that is sent again, or refused, does not count.
func (w *wire) look(p []byte) {
	w.head = append(w.head, p[:min(len(p), 64)]...)
	if len(w.head) <= acceptFlags+1 {
		return
	}
	if w.head[packetType] != acceptPacket {
		w.head = w.head[:0]
		return
	}
	version := int(w.head[acceptVersion])<<8 | int(w.head[acceptVersion+1])
	first, second := w.head[acceptFlags], w.head[acceptFlags+1]
	w.writing.Lock()
	w.long = version >= longVersion
	w.services = first&1 != 0 && first&4 == 0 && second&8 == 0
	w.writing.Unlock()
	w.head = nil
	w.answered.Store(true)
}

func (w *wire) Write(p []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	return w.Conn.Write(p)
}

// interrupt asks the server to stop what it does. Where that cannot be sent it ends the connection.
func (w *wire) interrupt() {
	if w.tls || !w.answered.Load() {
		_ = w.Close()
		return
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	marker := []byte{0, 11, 0, 0, 12, 0, 0, 0, 1, 0, 3} // type 12, marker, with the data "interrupt"
	if w.long {
		marker[1], marker[3] = 0, 11
	}
	_ = w.Conn.SetWriteDeadline(time.Now().Add(cancelPatience))
	if _, err := w.Conn.Write(marker); err != nil {
		_ = w.Close()
	}
	_ = w.Conn.SetWriteDeadline(time.Time{})
}

// limit bounds everything that follows; the driver takes no deadline away any more.
func (w *wire) limit(d time.Duration) {
	w.closing.Store(true)
	_ = w.Conn.SetDeadline(time.Now().Add(d))
}

func (w *wire) SetDeadline(t time.Time) error {
	if w.closing.Load() {
		return nil
	}
	return w.Conn.SetDeadline(t)
}

func (w *wire) SetReadDeadline(t time.Time) error {
	if w.closing.Load() {
		return nil
	}
	return w.Conn.SetReadDeadline(t)
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.closing.Load() {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}
