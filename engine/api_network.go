package engine

import (
	"context"
	"time"

	"dmgateway/engine/diagnostics/network"
)

// NetworkControl is what can be asked and set about the way out.
type NetworkControl interface {
	Proxy(ctx context.Context) (ProxyStatus, error)
	// SetProxy stores and applies; new connections take the new way at once.
	SetProxy(ctx context.Context, s ProxySettings) error
	// TestProxy tries the way to the factory with other settings than those in use, nil = those in use.
	TestProxy(ctx context.Context, s *ProxySettings) (ProxyReport, error)
	// CheckNetwork tries everything that is needed and calls progress as each check ends. It takes at most 15 seconds.
	CheckNetwork(ctx context.Context, progress func(NetworkCheck)) (NetworkReport, error)
}

// ProxySettings say how outbound connections leave.
type ProxySettings struct {
	Mode string `json:"mode"` // "system", "custom", "none"
	// URL of a custom proxy, "http://proxy.example:3128".
	URL string `json:"url,omitempty"`
	// User ("DOMAIN\\user" for NTLM) and Password sign in at it. A nil Password keeps the one that is stored.
	User     string  `json:"user,omitempty"`
	Password *string `json:"password,omitempty"`
	// Bypass are hosts that are reached directly: "localhost;*.example;10.0.0.0/8".
	Bypass string `json:"bypass,omitempty"`
}

// ProxyStatus is what is set and what follows from it. It never has a password.
type ProxyStatus struct {
	Mode        string `json:"mode"`
	URL         string `json:"url,omitempty"`
	User        string `json:"user,omitempty"`
	HasPassword bool   `json:"hasPassword,omitempty"`
	Bypass      string `json:"bypass,omitempty"`
	// Target is the factory's host:port, Used the proxy by which it is reached, "" = directly; From is where that is
	// said: "setting", "environment", "GNOME", "KDE", "Windows", "macOS".
	Target string `json:"target,omitempty"`
	Used   string `json:"used,omitempty"`
	From   string `json:"from,omitempty"`
}

// ProxyReport is what a proxy offered and answered.
type ProxyReport struct {
	Proxy   string        `json:"proxy,omitempty"` // "" = directly
	Target  string        `json:"target"`
	Offers  []string      `json:"offers,omitempty"` // "Basic", "NTLM", "Negotiate"
	Used    string        `json:"used,omitempty"`   // authentication that was used
	Answer  string        `json:"answer"`           // "200 Connection established"
	Took    time.Duration `json:"took"`
	OK      bool          `json:"ok"`
	Problem string        `json:"problem,omitempty"`
	Remedy  string        `json:"remedy,omitempty"`
}

// What checking the network tells; the methods of NetworkReport and NetworkCheck write it as text and HTML.
type (
	// NetworkReport is everything that was checked.
	NetworkReport = network.Report
	// NetworkCheck is one endpoint with its steps.
	NetworkCheck = network.Check
	// NetworkStep is one step: name, tcp, proxy, tls, websocket, sign-in, clock, round trip.
	NetworkStep = network.Step
	// NetworkNeed is one outbound rule.
	NetworkNeed = network.Need
)
