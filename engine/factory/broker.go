package factory

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// broker is the Service Bus behind a factory: the built-in one or a namespace in Azure. Queues and rules are made by it;
// messages go through its azservicebus client either way.
type broker interface {
	// grant makes the gateway's queue and status queue where they are missing and gives the gateway's rule the key and the
	// right to listen on the one and send to the other. Another key that the rule had is worth nothing afterwards. It can
	// be repeated.
	grant(ctx context.Context, g grant) error
	// remove takes the gateway's rule away and deletes its queue with everything in it. It can be repeated.
	remove(ctx context.Context, gateway, statusQueue string) error
	// statusQueue chooses the status queue of the n-th gateway, counted from 0.
	statusQueue(n int) string
	// connection is the connection string that a gateway with this key of its rule uses.
	connection(gateway, key string) string
	// hasDeadLetters reports whether anything lies in the queue's dead-letter queue.
	hasDeadLetters(ctx context.Context, queue string) (bool, error)
	client() *azservicebus.Client
	close(ctx context.Context) error
}

// grant is what one gateway may do on the Service Bus.
type grant struct {
	gateway     string // GUID
	statusQueue string
	key         string
}

// jobQueue is the name of a gateway's queue.
func jobQueue(gateway string) string { return "gw-" + gateway }

// ruleName is the name of a gateway's rule on both queues. It stays when the key is recreated; the rule's key changes.
func ruleName(gateway string) string { return "gw-" + gateway }
