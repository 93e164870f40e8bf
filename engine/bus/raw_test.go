package bus

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"dmgateway/engine/bus/amqp"
	"dmgateway/engine/secret"
)

// raw is a client that says exactly what a test wants, over a pipe.
type raw struct {
	testing.TB
	nc     net.Conn
	frames chan frame // closed at the end of the connection
	queue  string
}

type frame struct {
	channel uint16
	p       amqp.Performative // nil is a heartbeat
	payload []byte
}

const rawKey = "raw key"

// rawBus is a bus with the queue "q" and a rule "raw" that may do everything.
func rawBus(t testing.TB, o Options, q QueueOptions) *Broker {
	t.Helper()
	b, err := Open(filepath.Join(t.TempDir(), "bus.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	rule := Rule{Name: "raw", Key: secret.New(rawKey), Grants: []Grant{{Rights: Manage}}}
	if err := b.SetRule(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateQueue(t.Context(), "q", q); err != nil {
		t.Fatal(err)
	}
	return b
}

func shut(t testing.TB, b *Broker) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// dialRaw does SASL and, unless open is nil, opens the connection.
func dialRaw(t testing.TB, b *Broker, open *amqp.Open) *raw {
	t.Helper()
	r := &raw{TB: t, nc: b.Dial(), frames: make(chan frame, 10_000), queue: "q"}
	r.header(amqp.HeaderSASL)
	r.write(amqp.AppendFrame(nil, amqp.FrameSASL, 0, &amqp.Init{Mechanism: "ANONYMOUS"}, nil))
	r.read() // mechanisms come before init is looked at, outcome after
	r.read()
	r.header(amqp.HeaderAMQP)
	if open == nil {
		return r
	}
	r.write(amqp.AppendFrame(nil, amqp.FrameAMQP, 0, open, nil))
	r.read()
	go r.readAll()
	return r
}

func connected(t testing.TB, b *Broker) *raw {
	t.Helper()
	return dialRaw(t, b, &amqp.Open{ContainerID: "raw", MaxFrameSize: 64 << 10, ChannelMax: 100})
}

func (r *raw) header(h [8]byte) {
	r.Helper()
	r.write(h[:])
	var got [8]byte
	if _, err := io.ReadFull(r.nc, got[:]); err != nil || got != h {
		r.Fatalf("the bus answers %q, %v", got, err)
	}
}

func (r *raw) write(b []byte) {
	r.Helper()
	errs := make(chan error, 1)
	go func() {
		_, err := r.nc.Write(b)
		errs <- err
	}()
	if len(r.frames) == 0 && cap(r.frames) > 0 && b[0] == 0 && b[5] == amqp.FrameSASL {
		return // the bus writes before it reads: let both happen
	}
	if err := <-errs; err != nil {
		r.Fatal(err)
	}
}

// read reads one frame, before readAll does.
func (r *raw) read() frame {
	r.Helper()
	_, channel, body, _, err := amqp.ReadFrame(r.nc, nil, 1<<20)
	if err != nil {
		r.Fatal(err)
	}
	p, payload, err := amqp.ParseFrame(body)
	if err != nil {
		r.Fatal(err)
	}
	return frame{channel, p, payload}
}

func (r *raw) readAll() {
	defer close(r.frames)
	for {
		_, channel, body, _, err := amqp.ReadFrame(r.nc, nil, 1<<20)
		if err != nil {
			return
		}
		f := frame{channel: channel}
		if len(body) > 0 {
			p, payload, err := amqp.ParseFrame(body)
			if err != nil {
				r.Error(err)
				return
			}
			f.p, f.payload = p, bytes.Clone(payload)
		}
		r.frames <- f
	}
}

func (r *raw) send(p amqp.Performative, payload []byte) {
	r.Helper()
	r.write(amqp.AppendFrame(nil, amqp.FrameAMQP, 0, p, payload))
}

// await gives the next frame of one kind and skips others.
func await[T amqp.Performative](r *raw) (T, []byte) {
	r.Helper()
	limit := time.After(time.Hour) // synctest's hours are short, others end by go test
	for {
		select {
		case f, ok := <-r.frames:
			if !ok {
				var zero T
				r.Fatalf("the connection ended before a %T came", zero)
			}
			if p, ok := f.p.(T); ok {
				return p, f.payload
			}
		case <-limit:
			var zero T
			r.Fatalf("no %T came", zero)
		}
	}
}

// ended waits for the end of the connection and gives the close that came before, if any.
func (r *raw) ended() *amqp.Close {
	var last *amqp.Close
	for f := range r.frames {
		if c, ok := f.p.(*amqp.Close); ok {
			last = c
		}
	}
	return last
}

// rawToken makes a token that is good for a time.
func rawToken(resource string, life time.Duration) string {
	sr, se := url.QueryEscape(resource), fmt.Sprint(time.Now().Add(life).Unix())
	mac := hmac.New(sha256.New, []byte(rawKey))
	mac.Write([]byte(sr + "\n" + se))
	sig := url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return "SharedAccessSignature sr=" + sr + "&sig=" + sig + "&se=" + se + "&skn=raw"
}

func terminus(code uint64, address string) any {
	return amqp.Described{Descriptor: code, Value: amqp.List{address}}
}

// attach makes a link and gives the bus's answer.
func (r *raw) attach(handle uint32, role amqp.Role, address string) *amqp.Attach {
	r.Helper()
	r.send(&amqp.Attach{
		Name: fmt.Sprint("link", handle), Handle: handle, Role: role, SndSettle: amqp.SenderMixed,
		RcvSettle: amqp.ReceiverSecond, Source: terminus(0x28, address), Target: terminus(0x29, address),
	}, nil)
	a, _ := await[*amqp.Attach](r)
	return a
}

// credit grants credit on a link whose delivery count is known.
func (r *raw) credit(handle, count, credit uint32, drain bool) {
	r.Helper()
	r.send(&amqp.Flow{
		NextIncomingID: new(uint32(0)), IncomingWindow: 1000, NextOutgoingID: 0, OutgoingWindow: 1000,
		Handle: &handle, DeliveryCount: &count, LinkCredit: &credit, Drain: drain,
	}, nil)
}

// signIn begins session 0 and presents a token, with links 100 and 101.
func (r *raw) signIn(life time.Duration) {
	r.Helper()
	r.send(&amqp.Begin{IncomingWindow: 1000, OutgoingWindow: 1000, HandleMax: 1000}, nil)
	await[*amqp.Begin](r)
	r.attach(100, amqp.RoleSender, cbsPath)
	r.attach(101, amqp.RoleReceiver, cbsPath)
	m := amqp.AppendProperties(nil, amqp.Properties{MessageID: "1", ReplyTo: cbsPath})
	m = amqp.AppendApplication(m, amqp.Map{
		{Key: "operation", Value: "put-token"}, {Key: "type", Value: "servicebus.windows.net:sastoken"}, {Key: "name", Value: "amqps://h/q"},
	})
	m = amqp.AppendValue(m, rawToken("amqps://h/q", life))
	r.send(&amqp.Transfer{Handle: 100, DeliveryID: new(uint32(0)), DeliveryTag: []byte{1}}, m)
	await[*amqp.Disposition](r)
	r.credit(101, 0, 10, false) // only now: the response has to wait for it
	_, answer := await[*amqp.Transfer](r)
	got, err := amqp.ParseMessage(answer)
	if err != nil || got.Application.Get("status-code") != int32(202) || got.Properties.CorrelationID != "1" {
		r.Fatalf("the token got %+v, %v", got, err)
	}
}

// put sends a message over a link of its own and waits until it is on disk.
func (r *raw) put(handle uint32, body []byte) {
	r.Helper()
	r.attach(handle, amqp.RoleSender, r.queue)
	r.send(&amqp.Transfer{Handle: handle, DeliveryID: new(uint32(1)), DeliveryTag: []byte{1}}, amqp.AppendData(nil, body))
	d, _ := await[*amqp.Disposition](r)
	if _, ok := d.State.(amqp.Accepted); !ok {
		r.Fatalf("a message got %+v", d.State)
	}
	r.send(&amqp.Detach{Handle: handle, Closed: true}, nil)
	await[*amqp.Detach](r)
}

// publish puts a message into the queue "q" from inside.
func publish(t testing.TB, b *Broker, body []byte) {
	t.Helper()
	in, err := accept(amqp.AppendData(nil, body), &QueueOptions{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	published := make(chan error)
	b.queue("q").publish([]*incoming{in}, func(_ []int64, err error) { published <- err })
	if err := <-published; err != nil {
		t.Fatal(err)
	}
}
