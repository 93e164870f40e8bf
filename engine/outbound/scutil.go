package outbound

import (
	"errors"
	"net/url"
	"strings"
)

// scutilRoutes reads what "scutil --proxy" prints on macOS: lines "HTTPSProxy : proxy.example" and a list of exceptions.
// Proxy scripts are not evaluated.
func scutilRoutes(text string, target *url.URL) ([]Route, error) {
	v := map[string]string{}
	var exceptions []string
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, " : ")
		switch {
		case inside && line == "}":
			inside = false
		case inside && ok:
			exceptions = append(exceptions, value)
		case ok && strings.HasPrefix(value, "<array>"):
			inside = name == "ExceptionsList"
		case ok:
			v[name] = value
		}
	}
	at := func(kind string) string {
		if v[kind+"Enable"] != "1" || v[kind+"Proxy"] == "" {
			return ""
		}
		if v[kind+"Port"] == "" {
			return v[kind+"Proxy"]
		}
		return v[kind+"Proxy"] + ":" + v[kind+"Port"]
	}
	m := manual{http: at("HTTP"), https: at("HTTPS"), socks: at("SOCKS"), bypass: strings.Join(exceptions, ";"), from: "macOS"}
	if v["ExcludeSimpleHostnames"] == "1" {
		m.bypass += ";<local>"
	}
	if m.http+m.https+m.socks == "" && v["ProxyAutoConfigEnable"] == "1" {
		return nil, errors.New("macOS names a proxy script, which this program does not evaluate")
	}
	return m.routes(target)
}
