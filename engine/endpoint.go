package engine

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"dmgateway/engine/endpoint"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

// Settings of the endpoint.
const (
	SettingEndpoint        = "endpoint"
	SettingEndpointPort    = "endpointport"
	SettingEndpointAddress = "endpointaddress"
	SettingEndpointNames   = "endpointnames"
)

// defaultEndpointPort is the one of the gateway of 2016.
const defaultEndpointPort = 8050

func endpointSettings() []definition {
	return []definition{
		{Setting: Setting{
			Name: SettingEndpoint, Kind: "bool", Default: "true",
			Help: "Serve the page at which credentials are set, over HTTPS. Nobody gets in without a pairing code or a link of the data factory.",
		}, check: checkBool, apply: (*Engine).applyEndpoint},
		{Setting: Setting{
			Name: SettingEndpointPort, Kind: "number", Default: strconv.Itoa(defaultEndpointPort), Help: "The port of that page.",
		}, check: checkPort, apply: (*Engine).applyEndpoint},
		{Setting: Setting{
			Name: SettingEndpointAddress, Kind: "text", Default: endpoint.Localhost,
			Help: "Who reaches that page: localhost is this machine alone, any is every machine that can reach this one, or give one of this machine's IP addresses.",
		}, check: checkEndpointAddress, apply: (*Engine).applyEndpoint},
		{Setting: Setting{
			Name: SettingEndpointNames, Kind: "text",
			Help: "Further names of this machine under which that page may be opened, separated by commas, such as gateway.example.com. The first one stands in links.",
		}, check: checkEndpointNames, apply: (*Engine).applyEndpoint},
	}
}

func checkPort(value string) (string, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 65535 {
		return "", wrongValue(value, "Give a port from 1 to 65535.")
	}
	return strconv.Itoa(n), nil
}

func checkEndpointAddress(value string) (string, error) {
	address, ok := endpoint.ParseAddress(value)
	if !ok {
		return "", wrongValue(value, "Give localhost, any or an IP address of this machine.")
	}
	return address, nil
}

func checkEndpointNames(value string) (string, error) {
	var names []string
	for name := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		if !endpoint.IsHostName(name) {
			return "", wrongValue(value, "%q is no name of a machine.", name)
		}
		names = append(names, strings.ToLower(name))
	}
	return strings.Join(names, ","), nil
}

// openEndpoint makes the endpoint; it serves unless the engine is idle.
func (e *Engine) openEndpoint() {
	e.endpoint = endpoint.New(endpoint.Options{
		Gateway: &endpointGateway{e: e}, Vault: e.vault, Host: hostName(), Log: e.log.With("part", "endpoint"), Changed: e.announce,
	})
	if e.o.Idle {
		return
	}
	e.applyEndpoint()
	e.work.Go(func() { e.supervisor.Run(e.background, "Credentials endpoint", e.endpoint.Tend) })
}

func (e *Engine) applyEndpoint() {
	if e.endpoint == nil || e.o.Idle {
		return
	}
	port, err := strconv.Atoi(e.setting(SettingEndpointPort))
	if err != nil {
		port = defaultEndpointPort // checked when it was set
	}
	if e.o.endpointPort != 0 {
		port = max(e.o.endpointPort, 0)
	}
	e.endpoint.Apply(endpoint.Config{
		On: e.setting(SettingEndpoint) == "true", Address: e.setting(SettingEndpointAddress), Port: port,
		Names: strings.FieldsFunc(e.setting(SettingEndpointNames), func(r rune) bool { return r == ',' }),
	})
}

func (e *Engine) closeEndpoint() {
	if e.endpoint != nil {
		e.endpoint.Close()
	}
}

func (e *Engine) endpointStatus() EndpointStatus {
	if e.endpoint == nil {
		return EndpointStatus{State: endpoint.Off}
	}
	s := e.endpoint.Status()
	if e.o.Idle {
		s.Reason, s.Remedy = "no gateway runs with this data directory", "Start the program, or `dmgcmd run`."
	}
	return s
}

// Endpoint describes the HTTPS endpoint.
func (e *Engine) Endpoint(context.Context) (EndpointStatus, error) { return e.endpointStatus(), nil }

// PairingCode lets one browser or script in.
func (e *Engine) PairingCode(context.Context) (PairingCode, error) {
	if e.o.Idle {
		return PairingCode{}, fault.New(fault.NotRunning, "no gateway runs with this data directory").Try("Start the program, or `dmgcmd run`.")
	}
	e.mu.Lock()
	registered := e.identity != nil
	e.mu.Unlock()
	if !registered {
		return PairingCode{}, fault.New(fault.NotRegistered, "the gateway is not registered, so there is no linked service to set a credential for").Try("Register the gateway first.")
	}
	code, err := e.endpoint.Pair()
	if err == nil {
		e.log.Info("pairing code made", logging.Key, logging.PairingCodeMade, "until", code.Expires)
	}
	return code, err
}

// SetEndpointCertificate makes the endpoint show the certificate in a PFX file's bytes; nil goes back to its own.
func (e *Engine) SetEndpointCertificate(_ context.Context, pfx []byte, password string) (EndpointStatus, error) {
	_, err := e.endpoint.SetCertificate(pfx, password)
	s := e.endpointStatus()
	if err == nil {
		e.log.Info("the endpoint's certificate was changed", logging.Key, logging.EndpointCertificate, "thumbprint", s.Thumbprint, "own", s.Own)
	}
	return s, err
}

// endpointGateway is the engine as the endpoint sees it.
type endpointGateway struct {
	e  *Engine
	mu sync.Mutex // protects the list of used tokens in the journal
}

var _ endpoint.Gateway = (*endpointGateway)(nil)

// Who says whom the gateway serves.
func (g *endpointGateway) Who() (endpoint.Who, bool) {
	g.e.mu.Lock()
	id := g.e.identity
	g.e.mu.Unlock()
	if id == nil {
		return endpoint.Who{}, false
	}
	return endpoint.Who{
		Factory: id.Factory, Gateway: id.Gateway, FactoryName: id.FactoryName, GatewayName: id.GatewayName, NodeName: id.NodeName, SigningKey: id.SigningKey,
	}, true
}

// Targets are the linked services of this gateway.
func (g *endpointGateway) Targets(ctx context.Context) ([]endpoint.Target, error) {
	return g.e.CredentialTargets(ctx)
}

// Test connects with one of them.
func (g *endpointGateway) Test(ctx context.Context, r endpoint.Request, report func(endpoint.Stage)) error {
	return g.e.testCredential(ctx, g.request(r), fromNetwork, func(s Stage) { report(endpoint.Stage(s)) })
}

// Set puts a credential into one of them.
func (g *endpointGateway) Set(ctx context.Context, r endpoint.Request) (endpoint.Outcome, error) {
	out, err := g.e.setCredential(ctx, g.request(r), fromNetwork)
	return endpoint.Outcome{LinkedService: out.LinkedService, SealedFor: out.SealedFor}, err
}

// request never has a definition: who comes over the network does not choose where to connect to.
func (*endpointGateway) request(r endpoint.Request) CredentialRequest {
	return CredentialRequest{LinkedService: r.LinkedService, Kind: r.Kind, Values: r.Values, AlsoFor: r.AlsoFor}
}

// settingUsedTokens is where the journal keeps which tokens of the factory were used, until they expire.
const settingUsedTokens = "endpoint.used"

// maxUsedTokens bounds that list: a factory does not make so many in ten minutes.
const maxUsedTokens = 4096

// Once remembers a token, over restarts too.
func (g *endpointGateway) Once(ctx context.Context, id string, until time.Time) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	used := map[string]int64{}
	text, found, err := g.e.journal.Setting(ctx, settingUsedTokens)
	if err != nil {
		return false, err
	}
	if found {
		if err := json.Unmarshal([]byte(text), &used); err != nil {
			return false, fault.New(fault.BadData, "the list of used links cannot be read").Because(err)
		}
	}
	now := time.Now().Unix()
	for other, expires := range used {
		if expires < now {
			delete(used, other)
		}
	}
	if _, again := used[id]; again {
		return false, nil
	}
	if len(used) >= maxUsedTokens {
		return false, fault.New(fault.Conflict, "too many links were used within a short time").Try("Wait some minutes.")
	}
	used[id] = until.Unix()
	data, err := json.Marshal(used)
	if err != nil {
		return false, err
	}
	return true, g.e.journal.SetSetting(ctx, settingUsedTokens, string(data))
}
