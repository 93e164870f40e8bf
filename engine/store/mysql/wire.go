package mysql

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
)

// Capabilities of server and client that matter here.
const (
	capMySQL        = 1 << 0 // not set by MariaDB, which then says more in bytes that are filler elsewhere
	cap41           = 1 << 9
	capSSL          = 1 << 11
	capSecure       = 1 << 15
	capDeprecateEOF = 1 << 24
)

// maxPacket is the largest payload of one packet; a longer one is continued in the next.
const maxPacket = 1<<24 - 1

// readBuffer is how much is taken from the network at once.
const readBuffer = 256 << 10

// wire is one connection under the driver. While the driver signs in, wire stands between: it starts TLS, so that it
// sees the packets themselves, and never hands out more than one packet, so that nothing is left in the driver's buffer
// when the commands begin.
type wire struct {
	net.Conn // TCP, socket or TLS

	secure   *tls.Config // TLS to start when the driver answers the greeting, nil for none
	state    *tls.ConnectionState
	answered bool // the greeting is answered
	signedIn bool // the driver has sent its first command, the connection's last
	shift    byte // by how many the packet numbers of the server are ahead of the driver's

	greeting     greeting
	capabilities uint32 // agreed ones

	buf      []byte
	from, to int    // what is in buf and not taken
	rest     []byte // of the packet that the driver is reading
	joined   []byte // a packet that came in several
	bytes    int64  // received
	broken   error  // why the sign-in could not be answered; the driver does not tell
}

// greeting is what the server says first.
type greeting struct {
	version      string
	capabilities uint32
}

var (
	errNoTLS     = errors.New("the server offers no TLS")
	errMalformed = errors.New("the server's answer is malformed")
)

// newWire reads the greeting. secure is used where the server offers TLS; required says that it must.
func newWire(c net.Conn, secure *tls.Config, required bool) (*wire, error) {
	w := &wire{Conn: c, buf: make([]byte, readBuffer)}
	raw, err := w.raw()
	if err != nil {
		return nil, err
	}
	w.rest = raw
	body := raw[4:]
	if len(body) == 0 || body[0] == 0xff { // an error, such as too many connections, which the driver tells
		return w, nil
	}
	if w.greeting, err = parseGreeting(body); err != nil {
		return nil, err
	}
	if w.greeting.capabilities&capSSL != 0 {
		w.secure = secure
	} else if required {
		return nil, errNoTLS
	}
	return w, nil
}

// parseGreeting reads the start of the handshake packet of protocol version 10.
func parseGreeting(body []byte) (g greeting, err error) {
	version, rest, ok := bytes.Cut(body[1:], []byte{0})
	if body[0] != 10 || !ok || len(rest) < 4+8+1+2 {
		return g, errMalformed
	}
	g.version = strings.TrimPrefix(string(version), "5.5.5-") // MariaDB's prefix for old replicas
	rest = rest[4+8+1:]
	g.capabilities = uint32(binary.LittleEndian.Uint16(rest))
	if len(rest) >= 7 {
		g.capabilities |= uint32(binary.LittleEndian.Uint16(rest[5:])) << 16
	}
	return g, nil
}

// Read is for the driver.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.rest) == 0 {
		raw, err := w.raw()
		if err != nil {
			return 0, err
		}
		raw[3] -= w.shift
		w.rest = raw
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// Write is for the driver. Its first packet answers the greeting; a packet with the number 0 begins a command.
func (w *wire) Write(p []byte) (int, error) {
	if w.signedIn || len(p) < 4 || p[3] == 0 {
		w.signedIn = true
		return w.Conn.Write(p)
	}
	packet := bytes.Clone(p)
	if !w.answered {
		w.answered = true
		if err := w.answer(packet); err != nil {
			w.broken = err
			return 0, err
		}
	}
	packet[3] += w.shift
	if _, err := w.Conn.Write(packet); err != nil {
		return 0, err
	}
	return len(p), nil
}

// answer completes the driver's answer and starts TLS before it.
func (w *wire) answer(packet []byte) error {
	const fixed = 4 + 32 // header, capabilities, largest packet, character set, filler
	if len(packet) < fixed {
		return errMalformed
	}
	w.capabilities = binary.LittleEndian.Uint32(packet[4:])
	if w.capabilities&capMySQL == 0 {
		clear(packet[4+28 : fixed]) // MariaDB's own: leaving out columns that the client is thought to know
	}
	if w.secure == nil {
		return nil
	}
	w.capabilities |= capSSL
	binary.LittleEndian.PutUint32(packet[4:], w.capabilities)
	request := bytes.Clone(packet[:fixed])
	request[0], request[1], request[2] = fixed-4, 0, 0
	if _, err := w.Conn.Write(request); err != nil {
		return err
	}
	secure := tls.Client(w.Conn, w.secure)
	if err := secure.Handshake(); err != nil {
		return err
	}
	state := secure.ConnectionState()
	w.Conn, w.shift, w.state = secure, 1, &state
	return nil
}

// raw gives the next packet with its header, valid until the next call.
func (w *wire) raw() ([]byte, error) {
	if err := w.fill(4); err != nil {
		return nil, err
	}
	h := w.buf[w.from:]
	size := 4 + (int(h[0]) | int(h[1])<<8 | int(h[2])<<16)
	if w.to-w.from < size {
		if err := w.fill(size); err != nil {
			return nil, err
		}
	}
	p := w.buf[w.from : w.from+size : w.from+size]
	w.from += size
	w.bytes += int64(size)
	return p, nil
}

// fill makes at least n bytes ready in buf.
func (w *wire) fill(n int) error {
	if w.to-w.from >= n {
		return nil
	}
	if n > len(w.buf) {
		grown := make([]byte, n+readBuffer)
		w.to = copy(grown, w.buf[w.from:w.to])
		w.buf, w.from = grown, 0
	} else if w.from+n > len(w.buf) || w.from == w.to {
		w.to = copy(w.buf, w.buf[w.from:w.to])
		w.from = 0
	}
	for w.to-w.from < n {
		k, err := w.Conn.Read(w.buf[w.to:])
		w.to += k
		if err != nil && w.to-w.from < n {
			if errors.Is(err, io.EOF) && w.to > w.from {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// packet gives the next packet's payload, put together where it came in several, valid until the next call.
func (w *wire) packet() ([]byte, error) {
	p, err := w.raw()
	if err != nil {
		return nil, err
	}
	if len(p)-4 < maxPacket {
		return p[4:], nil
	}
	w.joined = append(w.joined[:0], p[4:]...)
	for len(p)-4 == maxPacket {
		if p, err = w.raw(); err != nil {
			return nil, err
		}
		w.joined = append(w.joined, p[4:]...)
	}
	return w.joined, nil
}

// send sends a command: its code and what belongs to it.
func (w *wire) send(command byte, payload []byte) error {
	w.joined = nil // of an earlier answer; it may be large
	message := append(append(make([]byte, 0, 5+len(payload)), 0, 0, 0, 0, command), payload...)
	return w.sendPackets(message, 0)
}

// sendPackets sends message, whose first four bytes are left for the header, as packets counted from number. It writes
// over bytes of message.
func (w *wire) sendPackets(message []byte, number byte) error {
	for {
		n := min(len(message)-4, maxPacket)
		message[0], message[1], message[2], message[3] = byte(n), byte(n>>8), byte(n>>16), number
		if _, err := w.Conn.Write(message[:4+n]); err != nil {
			return err
		}
		number++
		if n < maxPacket {
			return nil
		}
		message = message[n:]
	}
}
