package engine

import (
	"runtime"
	"runtime/debug"
)

// Set by the linker, see the Makefile.
var (
	version = "dev"
	commit  = ""
)

// VersionInfo says which program this is.
type VersionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Built   string `json:"built,omitempty"` // RFC 3339, the commit's time
	Go      string `json:"go"`
	System  string `json:"system"` // "linux/amd64"
}

// Version of this program.
func Version() VersionInfo {
	v := VersionInfo{Version: version, Commit: commit, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.time":
				v.Built = s.Value
			case s.Key == "vcs.revision" && v.Commit == "":
				v.Commit = s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return v
}
