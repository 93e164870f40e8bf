package factory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/bus"
	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

const (
	busFile = "bus.db"
	// busHost stands for the factory's own address in connection strings, see protocol.Queue.
	busHost = "factory"
	// ownRule is what the factory itself signs in with; its key is new at each start and leaves the process never.
	ownRule = "factory"

	builtinStatus = "status"
)

// builtinBroker is the built-in Service Bus, in this process; gateways reach it over WebSocket at the factory's address.
type builtinBroker struct {
	bus *bus.Broker
	own *azservicebus.Client
}

// openBroker opens the Service Bus that the options name.
func (f *Factory) openBroker(ctx context.Context) (broker, error) {
	if !f.o.ServiceBus.Empty() {
		return openAzure(f.o.ServiceBus, nil)
	}
	b, err := bus.Open(filepath.Join(f.o.Dir, busFile), bus.Options{Log: f.o.Log.With("part", "bus")})
	if err != nil {
		return nil, err
	}
	built := &builtinBroker{bus: b}
	if err := built.start(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return built, nil
}

func (b *builtinBroker) start(ctx context.Context) error {
	key := bus.NewKey()
	if err := b.bus.SetRule(ctx, bus.Rule{Name: ownRule, Key: key, Grants: []bus.Grant{{Rights: bus.Manage}}}); err != nil {
		return err
	}
	if err := b.bus.SetQueue(ctx, builtinStatus, bus.QueueOptions{TTL: 7 * 24 * time.Hour, MaxDeliveryCount: 20}); err != nil {
		return err
	}
	var err error
	b.own, err = azservicebus.NewClientFromConnectionString(connectionString(ownRule, key.Reveal()), &azservicebus.ClientOptions{
		RetryOptions: busRetry,
		NewWebSocketConn: func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return b.bus.Dial(), nil
		},
	})
	return err
}

func connectionString(rule, key string) string {
	return fmt.Sprintf("Endpoint=sb://%s/;SharedAccessKeyName=%s;SharedAccessKey=%s", busHost, rule, key)
}

func (b *builtinBroker) grant(ctx context.Context, g grant) error {
	// The factory repeats a send whose answer it did not get: the queue knows a job it has had.
	o := bus.QueueOptions{TTL: 7 * 24 * time.Hour, MaxDeliveryCount: 20, DuplicateWindow: 10 * time.Minute}
	if err := b.bus.SetQueue(ctx, jobQueue(g.gateway), o); err != nil {
		return err
	}
	return b.bus.SetRule(ctx, bus.Rule{Name: ruleName(g.gateway), Key: secret.New(g.key), Grants: []bus.Grant{
		{Queue: jobQueue(g.gateway), Rights: bus.Listen}, {Queue: g.statusQueue, Rights: bus.Send},
	}})
}

func (b *builtinBroker) remove(ctx context.Context, gateway, _ string) error {
	if err := b.bus.DeleteRule(ctx, ruleName(gateway)); err != nil {
		return err
	}
	return b.bus.DeleteQueue(ctx, jobQueue(gateway))
}

func (b *builtinBroker) statusQueue(int) string { return builtinStatus }

func (b *builtinBroker) connection(gateway, key string) string {
	return connectionString(ruleName(gateway), key)
}

func (b *builtinBroker) hasDeadLetters(_ context.Context, queue string) (bool, error) {
	c, err := b.bus.Counts(queue)
	return c.DeadLetter > 0, err
}

func (b *builtinBroker) client() *azservicebus.Client { return b.own }

func (b *builtinBroker) close(ctx context.Context) error {
	return errors.Join(b.own.Close(ctx), b.bus.Close())
}

// serveBus is the built-in Service Bus over WebSocket, as Azure's answers it.
func (f *Factory) serveBus(w http.ResponseWriter, r *http.Request) {
	b, ok := f.broker.(*builtinBroker)
	if !ok {
		f.writeError(w, fault.New(fault.NotFound, "this factory uses a Service Bus namespace in Azure").Try("Register the gateway again to learn its address."))
		return
	}
	b.bus.WebSocketHandler().ServeHTTP(w, r)
}

var _ broker = (*builtinBroker)(nil)
