package oracle

import (
	"net"
	"regexp"
	"strconv"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store/sqlstore"
)

// address is one listener.
type address struct {
	host string
	port int
}

func (a address) String() string { return net.JoinHostPort(a.host, strconv.Itoa(a.port)) }

// place is where a database is: listeners, tried in their order, and a service or SID. A connect descriptor is kept as
// it is written, and the rest is what was found in it.
type place struct {
	addresses              []address
	service, sid, instance string
	tls                    bool
	descriptor             string
}

// secure turns TLS on; a port that nobody gave becomes that of TLS.
func (p *place) secure() { p.tls = true }

// String names the place in messages.
func (p *place) String() string {
	text := "?"
	if len(p.addresses) > 0 {
		text = p.addresses[0].String()
	}
	switch {
	case p.service != "":
		text += "/" + p.service
	case p.sid != "":
		text += ":" + p.sid
	}
	return text
}

// placeOf reads the keys of a connection string that say where the database is.
func placeOf(o *props.Object, property string, c *sqlstore.ConnectionString) place {
	host, hasHost := c.Take("Host", "HostName")
	source, hasSource := c.Take("Data Source", "Server", "DataSource")
	port, hasPort := c.Take("Port", "PortNumber")
	sid, _ := c.Take("Sid")
	service, _ := c.Take("ServiceName", "Service_Name")
	var p place
	switch {
	case hasSource && !hasHost:
		if hasPort || (sid != "" || service != "") && strings.HasPrefix(strings.TrimSpace(source), "(") {
			o.Problem(fault.BadInput, property, "Port, Sid and ServiceName belong inside Data Source where that is a descriptor, and to Host otherwise")
		}
		if sid != "" || service != "" {
			p.addresses = addresses(o, property, source, defaultPort)
			break
		}
		return parsePlace(o, property, source)
	case hasSource:
		o.Problem(fault.BadInput, property, "Host and Data Source both say where the server is; give one of them")
	case !hasHost || host == "":
		o.Problem(fault.BadInput, property, "the key Host, the server's name or address, is missing; or give Data Source")
		return p
	default:
		n := defaultPort
		if hasPort {
			n = portNumber(o, property, port)
		}
		p.addresses = addresses(o, property, host, n)
	}
	p.sid, p.service = sid, service
	switch {
	case sid != "" && service != "":
		o.Problem(fault.BadInput, property, "Sid and ServiceName both name the database; give one of them")
	case sid == "" && service == "":
		o.Problem(fault.BadInput, property, "the key ServiceName or Sid, the name of the database, is missing")
	}
	return p
}

// addresses reads "host", "host:port", or several of them with commas between.
func addresses(o *props.Object, property, text string, port int) []address {
	var list []address
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimSpace(one)
		a := address{host: strings.Trim(one, "[]"), port: port}
		if host, p, err := net.SplitHostPort(one); err == nil {
			a = address{host: host, port: portNumber(o, property, p)}
		}
		if a.host == "" {
			o.Problem(fault.BadInput, property, "a host name is empty")
			continue
		}
		list = append(list, a)
	}
	return list
}

func portNumber(o *props.Object, property, text string) int {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		o.Problem(fault.BadInput, property, "the port %q is no number from 1 to 65535", text)
		return defaultPort
	}
	return int(n)
}

// parsePlace reads a connect descriptor "(DESCRIPTION=…)" or an easy connect string
// "[tcps://]host[,host][:port][/service][:server][/instance]".
func parsePlace(o *props.Object, property, text string) place {
	text = strings.TrimSpace(text)
	if text == "" {
		return place{}
	}
	if strings.HasPrefix(text, "(") {
		return parseDescriptor(o, property, text)
	}
	var p place
	port := defaultPort
	switch scheme, rest, ok := strings.Cut(text, "//"); {
	case !ok:
	case scheme == "" || strings.EqualFold(scheme, "tcp:"):
		text = rest
	case strings.EqualFold(scheme, "tcps:"):
		text, p.tls, port = rest, true, defaultTLSPort
	default:
		o.Problem(fault.Unsupported, property, "the protocol of %q is not supported; known: tcp, tcps", text)
		text = rest
	}
	text, options, _ := strings.Cut(text, "?")
	if options != "" {
		o.Problem(fault.Unsupported, property, "the part %q of the easy connect string is not supported; use a descriptor (DESCRIPTION=…)", "?"+options)
	}
	hosts, rest, named := strings.Cut(text, "/")
	if !named && !strings.ContainsAny(text, ":.") {
		o.Problem(fault.Unsupported, property, "%q looks like a name in tnsnames.ora, which is not read; give host:port/service or the descriptor", text)
	}
	p.addresses = addresses(o, property, hosts, port)
	if n := len(p.addresses); n > 1 && strings.Count(hosts, ":") == 1 { // host1,host2:port
		for i := range p.addresses {
			p.addresses[i].port = p.addresses[n-1].port
		}
	}
	service, instance, _ := strings.Cut(rest, "/")
	service, mode, _ := strings.Cut(service, ":")
	if mode != "" && !strings.EqualFold(mode, "dedicated") {
		o.Problem(fault.Unsupported, property, "the server type %q of the easy connect string is not supported; only dedicated is", mode)
	}
	p.service, p.instance = service, instance
	if p.service == "" && named {
		named = false
	}
	if !named {
		o.Problem(fault.BadInput, property, "the service is missing; give host:port/service")
	}
	return p
}

var (
	descriptorAddress = regexp.MustCompile(`(?i)\(\s*ADDRESS\s*=((?:\s*\([^()]*\))+)\s*\)`)
	descriptorValue   = func(key string) *regexp.Regexp {
		return regexp.MustCompile(`(?i)\(\s*` + key + `\s*=\s*"?([^()"]*?)"?\s*\)`)
	}
	descriptorHost     = descriptorValue("HOST")
	descriptorPort     = descriptorValue("PORT")
	descriptorProtocol = descriptorValue("PROTOCOL")
	descriptorService  = descriptorValue("SERVICE_NAME")
	descriptorSID      = descriptorValue("SID")
	descriptorInstance = descriptorValue("INSTANCE_NAME")
)

func valueIn(text string, r *regexp.Regexp) string {
	if m := r.FindStringSubmatch(text); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}

// parseDescriptor reads a connect descriptor. It goes to the listener as it is written.
func parseDescriptor(o *props.Object, property, text string) place {
	p := place{descriptor: strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(text)}
	if strings.Count(text, "(") != strings.Count(text, ")") {
		o.Problem(fault.BadInput, property, "the brackets of the connect descriptor do not match")
		return p
	}
	for _, m := range descriptorAddress.FindAllStringSubmatch(text, -1) {
		a := address{host: valueIn(m[1], descriptorHost), port: defaultPort}
		if n := valueIn(m[1], descriptorPort); n != "" {
			a.port = portNumber(o, property, n)
		}
		switch protocol := strings.ToLower(valueIn(m[1], descriptorProtocol)); protocol {
		case "tcp", "":
		case "tcps":
			p.tls = true
		default:
			o.Problem(fault.Unsupported, property, "the protocol %q of the connect descriptor is not supported; known: tcp, tcps", protocol)
		}
		if a.host != "" {
			p.addresses = append(p.addresses, a)
		}
	}
	p.service, p.sid, p.instance = valueIn(text, descriptorService), valueIn(text, descriptorSID), valueIn(text, descriptorInstance)
	if len(p.addresses) == 0 {
		o.Problem(fault.BadInput, property, "the connect descriptor has no (ADDRESS=(PROTOCOL=TCP)(HOST=…)(PORT=…))")
	}
	if p.service == "" && p.sid == "" {
		o.Problem(fault.BadInput, property, "the connect descriptor has neither SERVICE_NAME nor SID")
	}
	return p
}
