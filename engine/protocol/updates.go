package protocol

import "time"

// PathUpdates is where a factory serves a feed of updates, if it has one: static files, to everybody.
const PathUpdates = "/gateway/v1/updates/"

// HeartbeatUpdate is what a node tells of newer versions.
type HeartbeatUpdate struct {
	// Available is the newer version that the node knows of, Scheduled when it installs it by itself.
	Available string    `json:"available,omitempty"`
	Scheduled time.Time `json:"scheduled,omitzero"`
	// Auto says that the node installs newer versions without anybody asking.
	Auto bool `json:"auto,omitempty"`
	// Problem is why the last update did not work; the version before runs then.
	Problem string `json:"problem,omitempty"`
}
