package protocol

import "time"

// PathReports takes in what Send logs sends, in two kinds of calls:
//
//	POST PathReports              ReportBegin → ReportState
//	PUT  PathReports/ID?offset=N  bytes from N on, at most ReportChunk of them → ReportState
//
// The same report begun again goes on where it was: a node and the hash of the bytes make it the same. A part that does
// not begin where the factory is changes nothing; the answer says where to go on.
const PathReports = "/gateway/v1/reports"

// Limits of a report, in bytes, and of its note, in characters.
const (
	MaxReport     = 200 << 20
	ReportChunk   = 1 << 20
	MaxReportNote = 1000
)

// ReportBegin announces a report: a zip file.
type ReportBegin struct {
	SHA256  string    `json:"sha256"` // of the whole file, in lower-case hex
	Bytes   int64     `json:"bytes"`
	Note    string    `json:"note,omitempty"` // what a person wrote about it
	Version string    `json:"version"`        // of the gateway
	Made    time.Time `json:"made"`
}

// ReportState is how far the factory is with a report. Once it is Done, the ID is what people name it by.
type ReportState struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"`
	Done   bool   `json:"done"`
}
