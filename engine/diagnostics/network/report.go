// Package network finds out what the network lets through: for every endpoint that a gateway uses it tries name, TCP,
// proxy, TLS, sign-in and a round trip, and says in plain words what was seen, why a step fails and what to do. Everything
// is tried at the same time and bounded, whatever hangs.
package network

import (
	"slices"
	"time"
)

// Report is everything that was checked.
type Report struct {
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took"`
	OK      bool          `json:"ok"` // no step failed
	Checks  []Check       `json:"checks"`
	// Needed is the list for whoever administers the firewall.
	Needed []Need `json:"needed"`
}

// Check is one endpoint with its steps.
type Check struct {
	Name    string `json:"name"` // "Data factory", "Queue (AMQP)", "Queue (WebSocket)", "Clock"
	Address string `json:"address,omitempty"`
	Steps   []Step `json:"steps"`
}

// Step is one step: name, tcp, proxy, tls, websocket, sign-in, clock, round trip.
type Step struct {
	Name   string        `json:"name"`
	State  string        `json:"state"` // one of the constants
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"took"`
	Remedy string        `json:"remedy,omitempty"`
}

// States of a step.
const (
	OK      = "ok"
	Warning = "warning"
	Failed  = "failed"
	Skipped = "skipped"
)

// Need is one outbound rule.
type Need struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Protocol string `json:"protocol"` // "HTTPS", "AMQP over TLS", "WebSocket over TLS"
	For      string `json:"for"`
	Required bool   `json:"required"` // false where another way does
}

// State is the worst of the check's steps; skipped where nothing was tried.
func (c Check) State() string {
	worst := Skipped
	for _, s := range c.Steps {
		if slices.Index(order, s.State) > slices.Index(order, worst) {
			worst = s.State
		}
	}
	return worst
}

var order = []string{Skipped, OK, Warning, Failed}
