package bus_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"dmgateway/engine/bus"
	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

func wantFault(t testing.TB, err error, code string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Fatalf("error %v instead of code %s", err, code)
	}
}

func wantRefused(t testing.TB, err error) {
	t.Helper()
	wantCode(t, err, azservicebus.CodeUnauthorizedAccess)
}

func TestRights(t *testing.T) {
	t.Parallel()
	b := openBroker(t, bus.Options{})
	e := overPipe(t, b)
	jobs, status := e.queue(t), e.queue(t)
	setRule(t, b, "gateway", bus.Grant{Queue: strings.ToUpper(jobs), Rights: bus.Listen}, bus.Grant{Queue: status, Rights: bus.Send})
	root, gateway := e.client(t, rootRule), e.client(t, "gateway")
	if err := e.sender(t, root, jobs).SendMessage(timeout(t), text("job"), nil); err != nil {
		t.Fatal(err)
	}
	receiver := e.receiver(t, gateway, jobs, nil)
	m := receiveOne(t, receiver)
	complete(t, receiver, &azservicebus.ReceivedMessage{LockToken: m.LockToken})
	if err := e.sender(t, gateway, status).SendMessage(timeout(t), text("done"), nil); err != nil {
		t.Fatal(err)
	}
	if m := receiveOne(t, e.receiver(t, root, status, nil)); string(m.Body) != "done" {
		t.Errorf("got %q", m.Body)
	}

	wantRefused(t, e.sender(t, gateway, jobs).SendMessage(timeout(t), text("forged"), nil))
	_, err := e.receiver(t, gateway, status, nil).ReceiveMessages(timeout(t), 1, nil)
	wantRefused(t, err)
	_, err = e.receiver(t, gateway, status, nil).PeekMessages(timeout(t), 1, nil)
	wantRefused(t, err)
	_, err = e.receiver(t, gateway, "no-such-queue", nil).ReceiveMessages(timeout(t), 1, nil)
	wantRefused(t, err) // not: not found
	_, err = e.sender(t, gateway, jobs).ScheduleMessages(timeout(t), []*azservicebus.Message{text("x")}, time.Now().Add(time.Hour), nil)
	wantRefused(t, err)
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	b := openBroker(t, bus.Options{})
	for _, e := range []*env{overTCP(t, b), overPipe(t, b)} {
		q := e.queue(t)
		for _, rule := range []string{rootRule, "nobody"} {
			c := e.clientOf(t, secret.New("Endpoint=sb://"+e.host+";SharedAccessKeyName="+rule+";SharedAccessKey=wrong;UseDevelopmentEmulator=true"))
			wantRefused(t, e.sender(t, c, q).SendMessage(timeout(t), text("x"), nil))
		}
	}
}

// signature makes a token as clients do.
func signature(resource, rule, key string, expires time.Time) string {
	sr := strings.ToLower(url.QueryEscape(resource))
	se := fmt.Sprint(expires.Unix())
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(sr + "\n" + se))
	return fmt.Sprintf("SharedAccessSignature sr=%s&sig=%s&se=%s&skn=%s", sr, url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))), se, rule)
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	b := openBroker(t, bus.Options{})
	e := overPipe(t, b)
	q, other := e.queue(t), e.queue(t)
	key := bus.NewKey()
	if err := b.SetRule(t.Context(), bus.Rule{Name: "r", Key: key, Grants: []bus.Grant{{Rights: bus.Send}}}); err != nil {
		t.Fatal(err)
	}
	hour := time.Now().Add(time.Hour)
	good := signature("amqps://factory/"+q, "r", key.Reveal(), hour)
	for _, test := range []struct {
		name, token string
		ok          bool
	}{
		{"for the queue", good, true},
		{"for the namespace", signature("sb://factory/", "r", key.Reveal(), hour), true},
		{"for another queue", signature("amqps://factory/"+other, "r", key.Reveal(), hour), false},
		{"for a longer name", signature("amqps://factory/"+q+"x", "r", key.Reveal(), hour), false},
		{"expired", signature("amqps://factory/"+q, "r", key.Reveal(), time.Now().Add(-time.Second)), false},
		{"wrong key", signature("amqps://factory/"+q, "r", "wrong", hour), false},
		{"empty key of no rule", signature("amqps://factory/"+q, "nobody", "", hour), false},
		{"changed expiry", strings.Replace(good, "&se=1", "&se=2", 1), false},
		{"no signature", "SharedAccessSignature sr=x&se=99999999999&skn=r", false},
		{"huge expiry", signature("amqps://factory/"+q, "r", key.Reveal(), time.Unix(1<<50, 0)), false},
		{"nonsense", "SharedAccessSignature %%%", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := e.clientOf(t, secret.New("Endpoint=sb://factory/;SharedAccessSignature="+test.token))
			err := e.sender(t, c, q).SendMessage(timeout(t), text(test.name), nil)
			if test.ok && err != nil {
				t.Fatal(err)
			}
			if !test.ok {
				wantRefused(t, err)
			}
		})
	}
}

// TestRevocation: taking a rule away, its key or its right ends the links that were opened with it, at once.
func TestRevocation(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(*testing.T, *bus.Broker, string){
		"deleted": func(t *testing.T, b *bus.Broker, _ string) {
			if err := b.DeleteRule(t.Context(), "R"); err != nil {
				t.Fatal(err)
			}
		},
		"new key": func(t *testing.T, b *bus.Broker, q string) {
			setRule(t, b, "r", bus.Grant{Queue: q, Rights: bus.Listen})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBroker(t, bus.Options{})
			e := overPipe(t, b)
			q := e.queue(t)
			setRule(t, b, "r", bus.Grant{Queue: q, Rights: bus.Listen})
			receiver := e.receiver(t, e.client(t, "r"), q, nil)
			if err := e.sender(t, e.client(t, rootRule), q).SendMessage(timeout(t), text("before"), nil); err != nil {
				t.Fatal(err)
			}
			held := receiveOne(t, receiver)
			waiting := make(chan error, 1)
			go func() {
				_, err := receiver.ReceiveMessages(timeout(t), 1, nil)
				waiting <- err
			}()
			waitFor(t, func() bool { return b.Receiving(q) == 1 })
			revoke(t, b, q)
			wantRefused(t, <-waiting)
			wantRefused(t, receiver.CompleteMessage(timeout(t), &azservicebus.ReceivedMessage{LockToken: held.LockToken}, nil))
		})
	}
}

// TestLessRights: only the links that the new grants do not cover end.
func TestLessRights(t *testing.T) {
	t.Parallel()
	b := openBroker(t, bus.Options{})
	e := overPipe(t, b)
	q := e.queue(t)
	key := bus.NewKey()
	set := func(r bus.Rights) {
		if err := b.SetRule(t.Context(), bus.Rule{Name: "r", Key: key, Grants: []bus.Grant{{Queue: q, Rights: r}}}); err != nil {
			t.Fatal(err)
		}
	}
	set(bus.Listen | bus.Send)
	c := e.client(t, "r")
	sender, receiver := e.sender(t, c, q), e.receiver(t, c, q, nil)
	if err := sender.SendMessage(timeout(t), text("1"), nil); err != nil {
		t.Fatal(err)
	}
	m := receiveOne(t, receiver)
	set(bus.Listen)
	wantRefused(t, sender.SendMessage(timeout(t), text("2"), nil))
	complete(t, receiver, m)
}

// TestBeforeToken: nothing but $cbs opens without a token.
func TestBeforeToken(t *testing.T) {
	t.Parallel()
	b := openBroker(t, bus.Options{})
	q := overPipe(t, b).queue(t)
	ctx := timeout(t)
	c, err := amqp.NewConn(ctx, b.Dial(), &amqp.ConnOptions{SASLType: amqp.SASLTypeAnonymous()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil { // it may find that the bus was quicker to hang up
			t.Log(err)
		}
	}()
	s, err := c.NewSession(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{q, q + "/$management", q + "/$DeadLetterQueue", "no-such-queue", ""} {
		_, sending := s.NewSender(ctx, node, nil)
		_, receiving := s.NewReceiver(ctx, node, nil)
		for _, err := range []error{sending, receiving} {
			if err == nil || !strings.Contains(err.Error(), "amqp:unauthorized-access") {
				t.Errorf("a link to %q: %v", node, err)
			}
		}
	}
	if _, err := s.NewSender(ctx, "$cbs", nil); err != nil {
		t.Error(err)
	}
	if _, err := amqp.NewConn(context.Background(), b.Dial(), &amqp.ConnOptions{SASLType: amqp.SASLTypePlain("a", "b")}); err == nil {
		t.Error("SASL PLAIN was taken")
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	b := openBroker(t, bus.Options{})
	s, err := b.ConnectionString("factory", rootRule)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", s, s, s), "SharedAccessKey") {
		t.Error("a connection string prints its key")
	}
	for host, emulator := range map[string]bool{"127.0.0.1:5672": true, "localhost": true, "[::1]:1": true, "factory": false, "10.0.0.1": false} {
		s, err := b.ConnectionString(host, "ROOT")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(s.Reveal(), "UseDevelopmentEmulator=true") != emulator {
			t.Errorf("plain AMQP for %s is %v", host, !emulator)
		}
	}
	_, err = b.ConnectionString("factory", "nobody")
	wantFault(t, err, fault.NotFound)
}
