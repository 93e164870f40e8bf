package factory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"

	"dmgateway/engine/bus"
	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// gatewaysPerStatusQueue keeps below the limit of 12 rules that Azure has for one queue, leaving some to people.
const gatewaysPerStatusQueue = 10

// azureBroker is a namespace in Azure. Gateways never touch its administration; only the factory's rule may manage.
type azureBroker struct {
	endpoint string // sb://NAMESPACE.servicebus.windows.net/
	admin    *admin.Client
	own      *azservicebus.Client
}

// openAzure makes the clients of a namespace. transport carries the administration's requests, nil = the network.
func openAzure(connection secret.String, transport policy.Transporter) (*azureBroker, error) {
	bad := func(err error) error {
		return fault.New(fault.BadInput, "the Service Bus connection string cannot be used").Because(err).
			Try("Copy the connection string of a rule with Manage rights from the namespace's Shared access policies, such as RootManageSharedAccessKey.")
	}
	endpoint := ""
	for part := range strings.SplitSeq(connection.Reveal(), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "endpoint":
			endpoint = strings.TrimSpace(value)
		case "usedevelopmentemulator":
			return nil, bad(errors.New("UseDevelopmentEmulator turns TLS off"))
		case "entitypath":
			return nil, bad(errors.New("it is the string of one queue; the namespace's is needed"))
		}
	}
	if endpoint == "" {
		return nil, bad(errors.New("it has no Endpoint"))
	}
	a, err := admin.NewClientFromConnectionString(connection.Reveal(), &admin.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: transport}})
	if err != nil {
		return nil, bad(err)
	}
	c, err := azservicebus.NewClientFromConnectionString(connection.Reveal(), &azservicebus.ClientOptions{RetryOptions: busRetry})
	if err != nil {
		return nil, bad(err)
	}
	return &azureBroker{endpoint: endpoint, admin: a, own: c}, nil
}

func (b *azureBroker) grant(ctx context.Context, g grant) error {
	rule := func(r admin.AccessRight) *admin.AuthorizationRule {
		// The secondary key is nobody's: a rule has to have one.
		return &admin.AuthorizationRule{
			KeyName: to.Ptr(ruleName(g.gateway)), PrimaryKey: to.Ptr(g.key), SecondaryKey: to.Ptr(bus.NewKey().Reveal()), AccessRights: []admin.AccessRight{r},
		}
	}
	if err := b.setRule(ctx, jobQueue(g.gateway), ruleName(g.gateway), rule(admin.AccessRightListen)); err != nil {
		return err
	}
	return b.setRule(ctx, g.statusQueue, ruleName(g.gateway), rule(admin.AccessRightSend))
}

// setRule replaces the queue's rule of that name, or removes it where rule is nil. A missing queue is made for a rule.
func (b *azureBroker) setRule(ctx context.Context, queue, name string, rule *admin.AuthorizationRule) error {
	have, err := b.admin.GetQueue(ctx, queue, nil)
	if err != nil {
		return fmt.Errorf("look at queue %s: %w", queue, err)
	}
	if have == nil && rule == nil {
		return nil
	}
	if have == nil {
		p := admin.QueueProperties{
			LockDuration: to.Ptr("PT1M"), MaxDeliveryCount: to.Ptr[int32](20), DefaultMessageTimeToLive: to.Ptr("P7D"),
			AuthorizationRules: []admin.AuthorizationRule{*rule},
		}
		if _, err := b.admin.CreateQueue(ctx, queue, &admin.CreateQueueOptions{Properties: &p}); err != nil {
			return fmt.Errorf("create queue %s: %w", queue, err)
		}
		return nil
	}
	p := have.QueueProperties
	p.AuthorizationRules = slices.DeleteFunc(slices.Clone(p.AuthorizationRules), func(r admin.AuthorizationRule) bool {
		return r.KeyName != nil && strings.EqualFold(*r.KeyName, name)
	})
	if rule != nil {
		p.AuthorizationRules = append(p.AuthorizationRules, *rule)
	}
	if _, err := b.admin.UpdateQueue(ctx, queue, p, nil); err != nil {
		return fmt.Errorf("set the rules of queue %s: %w", queue, err)
	}
	return nil
}

func (b *azureBroker) remove(ctx context.Context, gateway, statusQueue string) error {
	if err := b.setRule(ctx, statusQueue, ruleName(gateway), nil); err != nil {
		return err
	}
	if _, err := b.admin.DeleteQueue(ctx, jobQueue(gateway), nil); err != nil && !isStatus(err, http.StatusNotFound) {
		return fmt.Errorf("delete queue %s: %w", jobQueue(gateway), err)
	}
	return nil
}

func (b *azureBroker) statusQueue(n int) string {
	return fmt.Sprintf("gw-status-%d", n/gatewaysPerStatusQueue)
}

func (b *azureBroker) connection(gateway, key string) string {
	return fmt.Sprintf("Endpoint=%s;SharedAccessKeyName=%s;SharedAccessKey=%s", b.endpoint, ruleName(gateway), key)
}

func (b *azureBroker) hasDeadLetters(ctx context.Context, queue string) (bool, error) {
	p, err := b.admin.GetQueueRuntimeProperties(ctx, queue, nil)
	if err != nil || p == nil {
		return false, err
	}
	return p.DeadLetterMessageCount > 0, nil
}

func (b *azureBroker) client() *azservicebus.Client { return b.own }

func (b *azureBroker) close(ctx context.Context) error { return b.own.Close(ctx) }

// busRetry keeps the client's own tries short; the factory's loops try for ever.
var busRetry = azservicebus.RetryOptions{MaxRetries: 2, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 2 * time.Second}

func isStatus(err error, status int) bool {
	var e *azcore.ResponseError
	return errors.As(err, &e) && e.StatusCode == status
}

var _ broker = (*azureBroker)(nil)
