package wire

import "time"

// Report is what a gateway has sent by Send logs: a zip file. It is not of Data Factory's interface.
type Report struct {
	ID       string    `json:"id"`
	Gateway  string    `json:"gateway"` // names
	Node     string    `json:"node"`
	Note     string    `json:"note,omitempty"`
	Version  string    `json:"version"` // of the gateway
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"`
	Received time.Time `json:"received"`
}
