package bus

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// Rights is a set of what a rule allows.
type Rights uint8

// The rights of Service Bus.
const (
	Listen Rights = 1 << iota // receive, settle, peek
	Send                      // send, schedule
	manage
	// Manage includes the others.
	Manage = manage | Listen | Send
)

// Grant gives rights on one queue, or with Queue "" on every queue of the namespace.
type Grant struct {
	Queue  string
	Rights Rights
}

// Rule is a shared access policy: whoever has its key has its grants. Name and queue names are compared without regard
// to case.
type Rule struct {
	Name   string
	Key    secret.String
	Grants []Grant
}

// NewKey makes a random key, 32 bytes in base64 as Azure's are.
func NewKey() secret.String {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails
	return secret.New(base64.StdEncoding.EncodeToString(raw[:]))
}

func (r *Rule) allows(queue string, want Rights) bool {
	for _, g := range r.Grants {
		if (g.Queue == "" || strings.EqualFold(g.Queue, queue)) && g.Rights&want != 0 {
			return true
		}
	}
	return false
}

// SetRule creates a rule or replaces the one of that name. It takes effect at once: links that were opened with the old
// one and are not covered any more are detached with amqp:unauthorized-access. A changed key makes every token of the
// old key invalid. A rule may name queues that do not exist yet. Errors: fault.BadInput, fault.StoreFailed.
func (b *Broker) SetRule(ctx context.Context, r Rule) error {
	if r.Name == "" || r.Key.Empty() || strings.ContainsAny(r.Name+r.Key.Reveal(), ";\x00") {
		return fault.New(fault.BadInput, "a rule needs a name and a key, without semicolons").At(r.Name)
	}
	grants := map[string]Rights{}
	for _, g := range r.Grants {
		grants[strings.ToLower(g.Queue)] |= g.Rights
	}
	kept := &Rule{Name: r.Name, Key: r.Key}
	for q, rights := range grants {
		kept.Grants = append(kept.Grants, Grant{q, rights})
	}
	b.admin.Lock()
	defer b.admin.Unlock()
	err := b.store.do(ctx, func(t *tx) error {
		if err := deleteRule(t, r.Name); err != nil {
			return err
		}
		if _, err := t.exec("INSERT INTO rule (name, key) VALUES (?, ?)", r.Name, r.Key.Reveal()); err != nil {
			return err
		}
		for _, g := range kept.Grants {
			_, err := t.exec("INSERT INTO rule_grant (rule, queue, rights) VALUES (?, ?, ?)", r.Name, g.Queue, g.Rights)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return storeFault("store rule", r.Name, err)
	}
	b.replaceRules(func(rules map[string]*Rule) { rules[strings.ToLower(r.Name)] = kept })
	return nil
}

// DeleteRule removes a rule and detaches the links that it opened with amqp:unauthorized-access. It is no error if there
// is none of that name.
func (b *Broker) DeleteRule(ctx context.Context, name string) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := b.store.do(ctx, func(t *tx) error { return deleteRule(t, name) }); err != nil {
		return storeFault("delete rule", name, err)
	}
	b.replaceRules(func(rules map[string]*Rule) { delete(rules, strings.ToLower(name)) })
	return nil
}

func deleteRule(t *tx, name string) error {
	if _, err := t.exec("DELETE FROM rule_grant WHERE rule = ?", name); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM rule WHERE name = ?", name)
	return err
}

// replaceRules changes a copy of the rules, puts it in place and checks every open link again.
func (b *Broker) replaceRules(change func(map[string]*Rule)) {
	b.mu.Lock()
	rules := maps.Clone(b.rules)
	change(rules)
	b.rules = rules
	b.mu.Unlock()
	for _, c := range b.connections() {
		c.recheck()
	}
}

func (b *Broker) rule(name string) *Rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rules[strings.ToLower(name)]
}

// ConnectionString is how a client signs in with a rule: Endpoint, SharedAccessKeyName and SharedAccessKey. host may
// carry a port. For a loopback address or localhost it ends in UseDevelopmentEmulator=true, which makes clients speak
// plain AMQP as [Broker.Serve] does; over WebSocket that has no effect. Error: fault.NotFound.
func (b *Broker) ConnectionString(host, rule string) (secret.String, error) {
	r := b.rule(rule)
	if r == nil {
		return secret.String{}, fault.New(fault.NotFound, "the bus has no rule %q", rule)
	}
	s := "Endpoint=sb://" + host + "/;SharedAccessKeyName=" + r.Name + ";SharedAccessKey=" + r.Key.Reveal()
	if isLoopback(host) {
		s = strings.Replace(s, host+"/;", host+";", 1) + ";UseDevelopmentEmulator=true"
	}
	return secret.New(s), nil
}

func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// claim is a checked token: until expires, the connection may do on path what the rule grants, as long as the rule
// still has that key.
type claim struct {
	rule    string
	key     string
	expires time.Time
}

// maxAudience is the longest audience and rule name together, in bytes.
const maxAudience = 1024

// checkToken checks a shared access signature for an audience and gives the queue that it is for ("" is the namespace).
// The reason of a refusal is for the client's eyes: it tells nothing about keys.
func (b *Broker) checkToken(token, audience string, now time.Time) (path string, c claim, refusal string) {
	rest, ok := strings.CutPrefix(token, "SharedAccessSignature ")
	if !ok {
		return "", c, "not a shared access signature"
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, "&") {
		k, v, _ := strings.Cut(part, "=")
		parts[k] = v
	}
	name, err1 := url.QueryUnescape(parts["skn"])
	sig, err2 := url.QueryUnescape(parts["sig"])
	resource, err3 := url.QueryUnescape(parts["sr"])
	until, err4 := strconv.ParseInt(parts["se"], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || until > 1<<40 || len(audience)+len(name) > maxAudience {
		return "", c, "malformed shared access signature"
	}
	r := b.rule(name)
	key := ""
	if r != nil {
		key = r.Key.Reveal()
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(parts["sr"] + "\n" + parts["se"]))
	got, err := base64.StdEncoding.DecodeString(sig)
	if !hmac.Equal(got, mac.Sum(nil)) || err != nil || r == nil {
		return "", c, "the signature is not valid for rule " + strconv.Quote(name)
	}
	if !now.Before(time.Unix(until, 0)) {
		return "", c, "the token has expired"
	}
	path = audiencePath(audience)
	if scope := audiencePath(resource); scope != "" && scope != path {
		return "", c, "the token is for another resource"
	}
	if !r.allows(path, Manage) {
		return "", c, "rule " + strconv.Quote(name) + " has no rights on " + strconv.Quote(path)
	}
	return path, claim{rule: name, key: key, expires: time.Unix(until, 0)}, ""
}

// audiencePath is the queue, in lower case, of an address like amqps://host/queue/$management; "" is the namespace.
func audiencePath(audience string) string {
	if _, rest, ok := strings.Cut(audience, "://"); ok {
		audience = rest
	}
	_, path, _ := strings.Cut(audience, "/")
	path = strings.Trim(strings.ToLower(path), "/")
	path = strings.TrimSuffix(path, "/$management")
	return strings.TrimSuffix(path, "/$deadletterqueue")
}

// storeFault is what a failed change becomes for the caller.
func storeFault(what, target string, err error) error {
	return fault.New(fault.StoreFailed, "%s of the bus", what).At(target).Because(err)
}
