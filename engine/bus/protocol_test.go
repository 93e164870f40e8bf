package bus

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/engine/bus/amqp"
)

func wantCondition(t testing.TB, e *amqp.Error, want amqp.Symbol) {
	t.Helper()
	if e == nil || e.Condition != want {
		t.Fatalf("got %v instead of %s", e, want)
	}
}

// TestTimes: what happens because of time alone, on a clock that only waits for the program.
func TestTimes(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *Broker){
		"heartbeats keep a client that only waits": func(t *testing.T, b *Broker) {
			r := dialRaw(t, b, &amqp.Open{ContainerID: "raw", MaxFrameSize: 512, IdleTimeout: 8000})
			for range 5 {
				begun := time.Now()
				if f := <-r.frames; f.p != nil || time.Since(begun) > 4*time.Second {
					t.Errorf("after %v came %#v", time.Since(begun), f.p)
				}
			}
			r.nc.Close()
		},
		"a client that never opens": func(t *testing.T, b *Broker) {
			nc, begun := b.Dial(), time.Now()
			if _, err := nc.Read(make([]byte, 1)); err == nil || time.Since(begun) != 10*time.Second {
				t.Errorf("it was sent away after %v, %v", time.Since(begun), err)
			}
		},
		"a client that opens and never signs in": func(t *testing.T, b *Broker) {
			r := connected(t, b)
			wantCondition(t, r.ended().Error, amqp.CondForced)
		},
		"a client that falls silent": func(t *testing.T, b *Broker) {
			r := connected(t, b)
			r.signIn(time.Hour)
			begun := time.Now()
			wantCondition(t, r.ended().Error, amqp.CondResourceLimit)
			if d := time.Since(begun); d < 2*time.Minute || d > 2*time.Minute+5*time.Second {
				t.Errorf("it was given up after %v", d)
			}
		},
		"a client that takes nothing": func(t *testing.T, b *Broker) {
			for range 20 {
				publish(t, b, make([]byte, 900<<10))
			}
			deaf := connected(t, b)
			deaf.signIn(time.Hour)
			deaf.attach(50, amqp.RoleReceiver, "q")
			for i := range cap(deaf.frames) { // fill what the test would take for it
				deaf.frames <- frame{payload: []byte{byte(i)}}
			}
			deaf.credit(50, 0, 100, false)
			synctest.Wait()
			if c, _ := b.Counts("q"); c.Locked > 5 {
				t.Errorf("%d messages of 900 KiB were prepared for it", c.Locked)
			}
			time.Sleep(time.Minute)
			if _, err := deaf.nc.Write(amqp.AppendHeartbeat(nil)); err == nil {
				t.Error("it is still served")
			}
			for range deaf.frames { // lets its reader end
			}
		},
		"a token that runs out": func(t *testing.T, b *Broker) {
			r := connected(t, b)
			r.signIn(90 * time.Second)
			r.attach(1, amqp.RoleReceiver, "q")
			begun := time.Now()
			d, _ := await[*amqp.Detach](r)
			wantCondition(t, d.Error, amqp.CondUnauthorized)
			if waited := time.Since(begun); waited < 80*time.Second || waited > 105*time.Second {
				t.Errorf("the link ended after %v", waited)
			}
			r.nc.Close()
		},
		"a lock that is renewed for an hour": func(t *testing.T, b *Broker) {
			publish(t, b, []byte("x"))
			q := b.queue("q")
			delivered := make(chan []delivery)
			q.main.deliver(q.main.acquire(10, 1<<20), true, func(ds []delivery, _ error) { delivered <- ds })
			token := (<-delivered)[0].token
			for range 120 {
				time.Sleep(30 * time.Second)
				if _, err := q.renew(token); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(59 * time.Second)
			if c, _ := b.Counts("q"); c.Locked != 1 {
				t.Errorf("a second before its end: %+v", c)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if c, _ := b.Counts("q"); c.Locked != 0 || c.Active != 1 {
				t.Errorf("a second after its end: %+v", c)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := rawBus(t, Options{}, QueueOptions{})
				defer shut(t, b)
				run(t, b)
			})
		})
	}
}

// TestViolations: a client that breaks the protocol is told so and loses the connection, not more.
func TestViolations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		frame []byte
		want  amqp.Symbol
	}{
		"frame beyond the limit":   {[]byte{0x7f, 0, 0, 0, 2, 0, 0, 0}, amqp.CondFraming},
		"frame that is no frame":   {[]byte{0, 0, 0, 1, 2, 0, 0, 0}, amqp.CondDecodeError},
		"frame of SASL":            {amqp.AppendFrame(nil, amqp.FrameSASL, 0, &amqp.Outcome{}, nil), amqp.CondFraming},
		"nonsense":                 {amqp.EndFrame(append(amqp.BeginFrame(nil, 0, 0), 0xff), 0), amqp.CondDecodeError},
		"frame without a session":  {amqp.AppendFrame(nil, 0, 9, &amqp.Flow{}, nil), amqp.CondNotAllowed},
		"second open":              {amqp.AppendFrame(nil, 0, 0, &amqp.Open{ContainerID: "x"}, nil), amqp.CondNotAllowed},
		"too high a channel":       {amqp.AppendFrame(nil, 0, 9999, &amqp.Begin{}, nil), amqp.CondResourceLimit},
		"second begin on channel":  {bytes.Repeat(amqp.AppendFrame(nil, 0, 3, &amqp.Begin{}, nil), 2), amqp.CondNotAllowed},
		"open inside of a session": {append(amqp.AppendFrame(nil, 0, 3, &amqp.Begin{}, nil), amqp.AppendFrame(nil, 0, 3, &amqp.Open{}, nil)...), amqp.CondNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := rawBus(t, Options{}, QueueOptions{})
			defer shut(t, b)
			r := connected(t, b)
			r.write(test.frame)
			last := r.ended()
			if last == nil {
				t.Fatal("the connection ended without a close")
			}
			wantCondition(t, last.Error, test.want)
		})
	}
}

// TestSessionViolations end the session and leave the connection.
func TestSessionViolations(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	r := connected(t, b)
	defer r.nc.Close()
	for name, test := range map[string]struct {
		p    amqp.Performative
		want amqp.Symbol
	}{
		"flow":        {&amqp.Flow{Handle: new(uint32(7)), LinkCredit: new(uint32(1))}, amqp.CondUnattached},
		"transfer":    {&amqp.Transfer{Handle: 7, DeliveryID: new(uint32(0))}, amqp.CondUnattached},
		"detach":      {&amqp.Detach{Handle: 7}, amqp.CondUnattached},
		"high handle": {&amqp.Attach{Name: "x", Handle: 5000}, amqp.CondHandleInUse},
	} {
		r.send(&amqp.Begin{IncomingWindow: 10}, nil)
		await[*amqp.Begin](r)
		r.send(test.p, nil)
		e, _ := await[*amqp.End](r)
		if e.Error == nil || e.Error.Condition != test.want {
			t.Errorf("%s: got %v instead of %s", name, e.Error, test.want)
		}
		r.send(test.p, nil) // is ignored until the client ends the session
		r.send(&amqp.End{}, nil)
	}
	r.signIn(time.Hour)
}

// TestLimits of one link and one connection.
func TestLimits(t *testing.T) {
	t.Parallel()
	const size = 100_000
	b := rawBus(t, Options{MaxMessageSize: size, MaxSessions: 2, MaxLinks: 200, MaxConnections: 3}, QueueOptions{})
	defer shut(t, b)
	r := connected(t, b)
	defer r.nc.Close()
	r.signIn(time.Hour)

	if a := r.attach(1, amqp.RoleSender, "q"); a.MaxMessageSize != size {
		t.Errorf("max-message-size is %d", a.MaxMessageSize)
	}
	part := make([]byte, 60_000)
	for i := range 2 {
		r.send(&amqp.Transfer{Handle: 1, DeliveryID: new(uint32(0)), DeliveryTag: []byte{1}, More: i == 0}, part)
	}
	d, _ := await[*amqp.Detach](r)
	wantCondition(t, d.Error, amqp.CondMessageSize)

	handle := uint32(200)
	for ; ; handle++ { // each link holds half a message
		r.attach(handle, amqp.RoleSender, "q")
		r.send(&amqp.Transfer{Handle: handle, DeliveryID: new(uint32(0)), DeliveryTag: []byte{1}, More: true}, part)
		r.send(&amqp.Flow{IncomingWindow: 1000, Echo: true}, nil)
		gone := false
		for f := range r.frames {
			if d, ok := f.p.(*amqp.Detach); ok {
				wantCondition(t, d.Error, amqp.CondResourceLimit)
				gone = true
				break
			}
			if f, ok := f.p.(*amqp.Flow); ok && f.Handle == nil {
				break
			}
		}
		if gone {
			break
		}
		if int(handle-200)*len(part) > maxPartial+2*size {
			t.Fatal("parts of messages are held without bound")
		}
	}

	for a := r.attach(handle+1, amqp.RoleSender, "q"); a.Target != nil; a = r.attach(handle+1, amqp.RoleSender, "q") {
		if handle++; handle > 401 {
			t.Fatal("links are made without bound")
		}
	}
	d, _ = await[*amqp.Detach](r)
	wantCondition(t, d.Error, amqp.CondResourceLimit)

	second, third := connected(t, b), connected(t, b)
	defer second.nc.Close()
	if _, err := b.Dial().Read(make([]byte, 1)); err == nil {
		t.Error("a connection beyond the limit is served")
	}
	third.nc.Close()
	deadline := time.Now().Add(10 * time.Second)
	for len(b.connections()) > 2 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond) // polling
	}
	fourth := connected(t, b)
	fourth.nc.Close()
}

func TestTransferWithoutCredit(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	r := connected(t, b)
	defer r.nc.Close()
	r.signIn(time.Hour)
	r.attach(1, amqp.RoleReceiver, "q")
	r.send(&amqp.Transfer{Handle: 1, DeliveryID: new(uint32(0)), DeliveryTag: []byte{1}}, amqp.AppendData(nil, nil))
	d, _ := await[*amqp.Detach](r)
	wantCondition(t, d.Error, amqp.CondNotAllowed)
}

// TestWindow: the bus sends no more frames than the client's window takes, and goes on when it opens.
func TestWindow(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	r := dialRaw(t, b, &amqp.Open{ContainerID: "raw", MaxFrameSize: 1024})
	defer r.nc.Close()
	r.signIn(time.Hour)
	body := bytes.Repeat([]byte("0123456789"), 500)
	r.put(1, body[:5000])
	r.attach(2, amqp.RoleReceiver, "q")
	flow := func(next, window uint32) {
		r.send(&amqp.Flow{
			NextIncomingID: &next, IncomingWindow: window, OutgoingWindow: 100,
			Handle: new(uint32(2)), DeliveryCount: new(uint32(0)), LinkCredit: new(uint32(1)), Echo: true,
		}, nil)
	}
	var got []byte
	next := uint32(1) // the response of $cbs was number 0
	flow(next, 0)
	for more := true; more; {
		flow(next, 1)
		p, part := await[*amqp.Transfer](r)
		got = append(got, part...)
		next++
		more = p.More
		select {
		case f := <-r.frames:
			if _, ok := f.p.(*amqp.Transfer); ok {
				t.Fatal("a second frame came through a window of one")
			}
		default:
		}
	}
	m, err := amqp.ParseMessage(got)
	if err != nil || !bytes.Equal(m.Data[0], body) {
		t.Fatalf("the message is broken: %v", err)
	}
	if next < 6 {
		t.Errorf("5000 bytes came in %d frames of 1024", next)
	}
}

// TestDrain: credit that cannot be used is given back in one flow, after the messages that there were.
func TestDrain(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	r := connected(t, b)
	defer r.nc.Close()
	r.signIn(time.Hour)
	r.put(1, []byte("x"))
	r.attach(2, amqp.RoleReceiver, "q")
	r.credit(2, 0, 10, true)
	transfers := 0
	for f := range r.frames {
		switch p := f.p.(type) {
		case *amqp.Transfer:
			transfers++
		case *amqp.Flow:
			if p.Handle == nil || *p.Handle != 2 {
				continue
			}
			if !p.Drain || *p.LinkCredit != 0 || *p.DeliveryCount != 10 || transfers != 1 {
				t.Errorf("after %d transfers came %+v", transfers, p)
			}
			return
		}
	}
	t.Error("the drain was not answered")
}

// TestWideDisposition: one disposition may settle everything, and must not walk through four billion numbers.
func TestWideDisposition(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	r := connected(t, b)
	defer r.nc.Close()
	r.signIn(time.Hour)
	for range 5 {
		r.put(1, []byte("x"))
	}
	r.attach(2, amqp.RoleReceiver, "q")
	r.credit(2, 0, 5, false)
	for range 5 {
		await[*amqp.Transfer](r)
	}
	r.send(&amqp.Disposition{Role: amqp.RoleReceiver, First: 0, Last: ^uint32(0), State: amqp.Accepted{}}, nil)
	for range 5 {
		d, _ := await[*amqp.Disposition](r)
		if _, ok := d.State.(amqp.Accepted); !ok || !d.Settled || d.Role != amqp.RoleSender {
			t.Errorf("got %+v", d)
		}
	}
	if c, _ := b.Counts("q"); c != (Counts{}) {
		t.Errorf("left are %+v", c)
	}
	r.send(&amqp.Disposition{Role: amqp.RoleReceiver, First: 3, State: amqp.Accepted{}, Last: 3}, nil)
	d, _ := await[*amqp.Disposition](r)
	if s, ok := d.State.(amqp.Rejected); !ok || s.Error.Condition != amqp.CondMessageLockLost {
		t.Errorf("a second settlement got %+v", d.State)
	}
}

// TestCloseIsAnnounced: clients hear that the bus goes away.
func TestCloseIsAnnounced(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	r := connected(t, b)
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	c, _ := await[*amqp.Close](r)
	wantCondition(t, c.Error, amqp.CondForced)
	r.send(&amqp.Close{}, nil)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := b.Dial().Read(make([]byte, 1)); err == nil {
		t.Error("a closed bus answers")
	}
}

// TestNotSASL: a client that skips SASL is told what to speak.
func TestNotSASL(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	nc := b.Dial()
	if _, err := nc.Write(amqp.HeaderAMQP[:]); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 9)
	n, _ := nc.Read(got)
	if !bytes.Equal(got[:n], amqp.HeaderSASL[:]) {
		t.Errorf("the bus answers %q", got[:n])
	}
	if _, err := nc.Read(got); err == nil {
		t.Error("it goes on")
	}
}
