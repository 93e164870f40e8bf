package factory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// kind is a sort of resource that is kept as JSON.
type kind struct {
	path  string // in REST paths and the type
	title string // for people
}

var (
	kindLinkedService = kind{wire.LinkedServices, "linked service"}
	kindDataset       = kind{wire.Datasets, "dataset"}
	kindPipeline      = kind{wire.Pipelines, "pipeline"}
	kindGateway       = kind{wire.IntegrationRuntimes, "gateway"}
)

// resource is a linked service, dataset or pipeline as it is kept.
type resource struct {
	Name, ETag string
	Properties json.RawMessage
}

func scanResource(scan func(...any) error) (resource, error) {
	var r resource
	var properties string
	err := scan(&r.Name, &properties, &r.ETag)
	r.Properties = json.RawMessage(properties)
	return r, err
}

// document is the resource as one JSON object with its name, as Data Factory's files have it.
func (r resource) document() ([]byte, error) {
	return json.Marshal(wire.Resource{Name: r.Name, Properties: r.Properties})
}

func getResource(ctx context.Context, q querier, k kind, name string) (resource, error) {
	r, err := scanResource(q.QueryRowContext(ctx, "SELECT name, properties, etag FROM resources WHERE kind = ? AND name = ?", k.path, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.New(fault.NotFound, "there is no %s %q", k.title, name).At(name).
			Try("Check the name on the factory's page, or add the %s with `dmgcmd factory apply`.", k.title)
	}
	return r, err
}

func listResources(ctx context.Context, q querier, k kind) ([]resource, error) {
	return collect(ctx, q, scanResource, "SELECT name, properties, etag FROM resources WHERE kind = ? ORDER BY name", k.path)
}

// lookup finds resources for package activity. A database that fails is remembered in failed.
func lookup(ctx context.Context, q querier, k kind, failed *error) activity.Lookup {
	return func(name string) ([]byte, bool) {
		r, err := getResource(ctx, q, k, name)
		if err != nil {
			if !fault.Is(err, fault.NotFound) {
				*failed = err
			}
			return nil, false
		}
		data, err := r.document()
		if err != nil {
			*failed = err
		}
		return data, err == nil
	}
}

// armResource answers /linkedservices, /datasets and /pipelines.
func (f *Factory) armResource(c armCall, k kind) error {
	switch {
	case len(c.rest) == 1:
		return only(http.MethodGet, c, func(c armCall) error { return f.armList(c, k) })
	case len(c.rest) == 3 && k == kindPipeline && strings.EqualFold(c.rest[2], "createRun"):
		return only(http.MethodPost, c, f.createRun)
	case len(c.rest) == 3 && k == kindPipeline && strings.EqualFold(c.rest[2], wire.Watermarks):
		return f.armWatermarks(c)
	case len(c.rest) == 3 && k == kindLinkedService && strings.EqualFold(c.rest[2], wire.CredentialLinkAction):
		return only(http.MethodPost, c, f.armCredentialLink)
	case len(c.rest) != 2:
		return errNoPath(c.r)
	}
	switch c.r.Method {
	case http.MethodGet:
		r, err := getResource(c.r.Context(), f.db, k, c.rest[1])
		if err != nil || unchanged(c, r.ETag) {
			return err
		}
		return writeJSON(c.w, http.StatusOK, f.shown(k, c.envelope(k, r)))
	case http.MethodPut:
		return f.armPut(c, k)
	case http.MethodDelete:
		return gone(c, f.inTx(c.r.Context(), func(tx *sql.Tx) error { return deleteResource(c.r.Context(), tx, k, c.rest[1]) }))
	}
	return errMethod(c.r)
}

func (c armCall) envelope(k kind, r resource) wire.Resource {
	return wire.Resource{
		ID: c.base + "/" + k.path + "/" + r.Name, Name: r.Name, Type: armType + "/" + k.path, ETag: r.ETag, Properties: r.Properties,
	}
}

func (f *Factory) armList(c armCall, k kind) error {
	all, err := listResources(c.r.Context(), f.db, k)
	if err != nil {
		return err
	}
	list := wire.List[wire.Resource]{Value: []wire.Resource{}}
	for _, r := range all {
		list.Value = append(list.Value, f.shown(k, c.envelope(k, r)))
	}
	return writeJSON(c.w, http.StatusOK, list)
}

// armPut creates or replaces a resource. What is not supported is refused here, before any run needs it.
func (f *Factory) armPut(c armCall, k kind) error {
	name := c.rest[1]
	if !resourceName.MatchString(name) || strings.HasSuffix(name, " ") {
		return fault.New(fault.BadInput, "%q is no name for a %s", name, k.title).At("$.name").
			Try(`Begin with a letter, digit or underscore, and use none of < > * # . %% & : \ + ? /`)
	}
	body, err := readBody(c.r)
	if err != nil {
		return err
	}
	properties, err := propertiesOf(body, name)
	if err != nil {
		return err
	}
	ctx := c.r.Context()
	saved := resource{Name: name}
	err = f.inTx(ctx, func(tx *sql.Tx) error {
		old, err := getResource(ctx, tx, k, name)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := preconditions(c.r, old.ETag); err != nil {
			return err
		}
		if old.Name != "" {
			saved.Name = old.Name // a resource keeps the spelling of its name
		}
		if saved.Properties, err = f.check(ctx, tx, k, saved.Name, properties); err != nil {
			return err
		}
		saved.ETag = randomText(12)
		_, err = tx.ExecContext(ctx, `INSERT INTO resources (kind, name, properties, etag, changed) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (kind, name) DO UPDATE SET properties = excluded.properties, etag = excluded.etag, changed = excluded.changed`,
			k.path, saved.Name, string(saved.Properties), saved.ETag, micros(time.Now()))
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, f.shown(k, c.envelope(k, saved)))
}

// propertiesOf reads the body of a put: {"properties":{…}}, with the envelope that a get gave and v1's files have.
func propertiesOf(body []byte, name string) (json.RawMessage, error) {
	o, err := props.Parse(body, "$")
	if err != nil {
		return nil, err
	}
	o.Ignore("id", "type", "etag", "$schema", "warnings")
	if said := o.String("name"); said != "" && !strings.EqualFold(said, name) {
		o.Problem(fault.BadInput, "name", "the body is of %q, the path of %q", said, name)
	}
	if o.Object("properties") == nil {
		o.Problem(fault.BadInput, "properties", "the property is missing")
	}
	raw := o.Raw("properties")
	p := o.Object("properties")
	p.Ignore(p.Names()...) // looked at by check
	return raw, o.Err()
}

// deleteResource removes a resource that nothing refers to.
func deleteResource(ctx context.Context, tx *sql.Tx, k kind, name string) error {
	if _, err := getResource(ctx, tx, k, name); err != nil {
		return err
	}
	if err := refuseWhileUsed(ctx, tx, k, name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM resources WHERE kind = ? AND name = ?", k.path, name)
	return err
}

// refuseWhileUsed refuses to remove what another resource names, as Data Factory does.
func refuseWhileUsed(ctx context.Context, tx *sql.Tx, k kind, name string) error {
	for _, user := range map[kind][]kind{
		kindGateway: {kindLinkedService}, kindLinkedService: {kindDataset}, kindDataset: {kindPipeline},
	}[k] {
		all, err := listResources(ctx, tx, user)
		if err != nil {
			return err
		}
		for _, r := range all {
			for _, ref := range references(user, r.Properties) {
				if strings.EqualFold(ref, name) {
					return fault.New(fault.Conflict, "%s %q is used by %s %q", k.title, name, user.title, r.Name).At(r.Name).
						Try("Remove the %s first, or let it use another %s.", user.title, k.title)
				}
			}
		}
	}
	return nil
}
