package factory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"dmgateway/engine/bus"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/registration"
	"dmgateway/engine/secret"
)

// gateway is a logical gateway.
type gateway struct {
	ID, Name, Description string
	KeyID                 string
	sealedSecret          []byte
	sealedRule            []byte
	granted               string
	statusQueue           string
	Created, Changed      time.Time
}

const gatewayColumns = "id, name, description, key_id, sealed_secret, sealed_rule, granted, status_queue, created, changed"

func scanGateway(scan func(...any) error) (gateway, error) {
	var g gateway
	var created, changed int64
	err := scan(&g.ID, &g.Name, &g.Description, &g.KeyID, &g.sealedSecret, &g.sealedRule, &g.granted, &g.statusQueue, &created, &changed)
	g.Created, g.Changed = instant(created), instant(changed)
	return g, err
}

func (g gateway) etag() string { return fmt.Sprintf("%x", g.Changed.UnixMicro()) }

// gatewayNamed finds a gateway by its name, without regard to case.
func gatewayNamed(ctx context.Context, q querier, name string) (gateway, error) {
	g, err := scanGateway(q.QueryRowContext(ctx, "SELECT "+gatewayColumns+" FROM gateways WHERE removed = 0 AND name = ?", name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return g, fault.New(fault.NotFound, "there is no gateway %q", name).At(name).
			Try("List the gateways with `dmgcmd factory gateway list`, or create this one.")
	}
	return g, err
}

func (f *Factory) gateways(ctx context.Context) ([]gateway, error) {
	return collect(ctx, f.db, scanGateway, "SELECT "+gatewayColumns+" FROM gateways WHERE removed = 0 ORDER BY name")
}

// newGateway creates a gateway with its key and queue.
func (f *Factory) newGateway(ctx context.Context, tx *sql.Tx, name, description string, now time.Time) (gateway, error) {
	g := gateway{ID: uuid.NewString(), Name: name, Description: description, Created: now, Changed: now}
	n := 0
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM gateways").Scan(&n); err != nil {
		return g, err
	}
	g.statusQueue = f.broker.statusQueue(n)
	f.newKey(&g)
	_, err := tx.ExecContext(ctx, `INSERT INTO gateways (id, name, description, key_id, sealed_secret, sealed_rule, status_queue, created, changed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, g.ID, g.Name, g.Description, g.KeyID, g.sealedSecret, g.sealedRule, g.statusQueue, micros(now), micros(now))
	return g, err
}

// newKey gives the gateway a new key, and its rule on the Service Bus a new one too.
func (f *Factory) newKey(g *gateway) {
	g.KeyID = uuid.NewString()
	g.sealedSecret = f.secrets.seal(randomText(32), secretRow(*g))
	g.sealedRule = f.secrets.seal(bus.NewKey().Reveal(), ruleRow(*g))
	g.granted = ""
}

func secretRow(g gateway) string { return "gateway secret " + g.ID + " " + g.KeyID }
func ruleRow(g gateway) string   { return "gateway rule " + g.ID + " " + g.KeyID }

// key is the gateway's key in the form that a person is given.
func (f *Factory) key(g gateway) (string, error) {
	text, err := f.secrets.open(g.sealedSecret, secretRow(g))
	if err != nil {
		return "", err
	}
	location := strings.TrimPrefix(f.address(), "https://")
	if location == "" {
		return "", fault.New(fault.Conflict, "the gateway key cannot be shown: the factory does not serve yet and so has no address").
			Try("Serve the factory, or give it its address.")
	}
	return registration.Key{Factory: f.id, Gateway: g.ID, ID: g.KeyID, Location: location, Secret: secret.New(text)}.String(), nil
}

// recreateKey replaces the gateway's key. Nodes that registered with the old one are revoked in the same act: their
// tokens are worthless at once, their rule on the Service Bus is taken away next.
func (f *Factory) recreateKey(ctx context.Context, name string) (gateway, error) {
	var g gateway
	now := time.Now()
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		var err error
		if g, err = gatewayNamed(ctx, tx, name); err != nil {
			return err
		}
		f.newKey(&g)
		g.Changed = now
		_, err = tx.ExecContext(ctx, "UPDATE gateways SET key_id = ?, sealed_secret = ?, sealed_rule = ?, granted = '', changed = ? WHERE id = ?",
			g.KeyID, g.sealedSecret, g.sealedRule, micros(now), g.ID)
		if err != nil {
			return err
		}
		return revoke(ctx, tx, g.ID, "the key of gateway "+g.Name+" was recreated at "+now.UTC().Format(time.RFC3339))
	})
	if err != nil {
		return g, err
	}
	f.o.Log.Warn("gateway key recreated, nodes revoked", logging.Key, logging.KeyRecreated, "gateway", g.Name)
	return g, f.grantAll(ctx)
}

func revoke(ctx context.Context, tx *sql.Tx, gateway, why string) error {
	_, err := tx.ExecContext(ctx, "UPDATE nodes SET revoked = ? WHERE gateway = ? AND revoked = ''", why, gateway)
	return err
}

// removeGateway removes a gateway, its nodes' rights and its queue. Runs that still need it fail.
func (f *Factory) removeGateway(ctx context.Context, name string) error {
	now := time.Now()
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		g, err := gatewayNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := refuseWhileUsed(ctx, tx, kindGateway, g.Name); err != nil {
			return err
		}
		if err := revoke(ctx, tx, g.ID, "gateway "+g.Name+" was removed at "+now.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		if err := failRunsOf(ctx, tx, g, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE queue = ?", jobQueue(g.ID)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE gateways SET removed = ? WHERE id = ?", micros(now), g.ID)
		return err
	})
	if err != nil {
		return err
	}
	f.o.Log.Warn("gateway removed", logging.Key, logging.GatewayRemoved, "gateway", name)
	return f.grantAll(ctx)
}

// grantAll brings the Service Bus's queues and rules in line with the database: what a crash or an unreachable namespace
// left undone is done here, at the next Open or sweep at the latest.
func (f *Factory) grantAll(ctx context.Context) error {
	// One at a time, each reading what is to be in force: a key that was replaced meanwhile is never granted last.
	f.granting.Lock()
	defer f.granting.Unlock()
	todo, err := collect(ctx, f.db, scanGateway, "SELECT "+gatewayColumns+" FROM gateways WHERE removed = 0 AND granted <> key_id")
	if err != nil {
		return err
	}
	for _, g := range todo {
		if err := f.grant(ctx, g); err != nil {
			return err
		}
	}
	gone, err := collect(ctx, f.db, scanGateway, "SELECT "+gatewayColumns+" FROM gateways WHERE removed <> 0 AND granted <> '-'")
	if err != nil {
		return err
	}
	for _, g := range gone {
		if err := f.broker.remove(ctx, g.ID, g.statusQueue); err != nil {
			return busFault(err, "remove the queue of gateway "+g.Name)
		}
		if _, err := f.db.ExecContext(ctx, "UPDATE gateways SET granted = '-' WHERE id = ?", g.ID); err != nil {
			return err
		}
	}
	return nil
}

func (f *Factory) grant(ctx context.Context, g gateway) error {
	key, err := f.secrets.open(g.sealedRule, ruleRow(g))
	if err != nil {
		return err
	}
	if err := f.broker.grant(ctx, grant{gateway: g.ID, statusQueue: g.statusQueue, key: key}); err != nil {
		return busFault(err, "set the queue and rule of gateway "+g.Name)
	}
	if _, err := f.db.ExecContext(ctx, "UPDATE gateways SET granted = ? WHERE id = ? AND key_id = ?", g.KeyID, g.ID, g.KeyID); err != nil {
		return err
	}
	f.watchStatus(g.statusQueue)
	return nil
}

func busFault(err error, what string) error {
	return fault.New(fault.Unreachable, "%s at the Service Bus", what).Because(err).AsTransient().
		Try("The factory tries again by itself; check that the Service Bus is reachable and that the connection string may manage it.")
}

// address is the URL that gateways reach the factory by, "" before it is known.
func (f *Factory) address() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.TrimSuffix(f.url, "/")
}
