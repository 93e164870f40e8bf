package factory

import (
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/protocol"
)

// Whether a node's version is the newest, as Data Factory spells it.
const (
	versionUpToDate  = "UpToDate"
	versionAvailable = "UpdateAvailable"
)

// tellUpdate brings what a node knows of newer versions into its status.
func tellUpdate(w *wire.Node, u *protocol.HeartbeatUpdate) {
	if u == nil {
		return
	}
	w.VersionStatus = versionUpToDate
	if u.Available != "" {
		w.VersionStatus = versionAvailable
	}
	w.AvailableVersion, w.ScheduledUpdateDate, w.AutoUpdate, w.UpdateProblem = u.Available, u.Scheduled, u.Auto, u.Problem
}
