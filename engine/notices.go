package engine

import (
	"fmt"
	"time"

	"dmgateway/engine/report"
	"dmgateway/engine/supervise"
)

// Names of the settings that switch kinds of notices on and off; [SettingNotifications] is for all.
const (
	SettingNotifyConnection = "notifyconnection"
	SettingNotifyJobs       = "notifyjobs"
	SettingNotifyWarnings   = "notifywarnings"
	SettingNotifyReports    = "notifyreports"
	SettingNotifyUpdates    = "notifyupdates"
)

// noticeSettings are about what a person is told outside the window. The engine tells every notice; who shows them asks
// these.
func noticeSettings() []definition {
	one := func(name, help string) definition {
		return definition{Setting: Setting{Name: name, Kind: "bool", Default: "true", Help: help}, check: checkBool}
	}
	return []definition{
		one(SettingNotifyConnection, "Notify when the connection is lost for longer than half a minute, when it is back, and when the gateway has to be registered again."),
		one(SettingNotifyJobs, "Notify when a job failed. Several in a short time are told together."),
		one(SettingNotifyWarnings, "Notify of what will hurt if nobody sees to it: a full disk, a wrong clock, a certificate that ends, a component that fails again and again."),
		one(SettingNotifyReports, "Notify when logs that could not be sent at first have been sent."),
		one(SettingNotifyUpdates, "Notify when a newer version is available or scheduled, was installed, or was undone because it did not work."),
	}
}

// lostFor is how long a connection has to be lost before a person is told: shorter breaks heal by themselves.
const lostFor = 30 * time.Second

// noticeState tells of changes of the state that a person wants to know of.
func (e *Engine) noticeState(before, after position) {
	if before.state == after.state {
		return
	}
	switch {
	case after.state == Disconnected:
		e.work.Go(func() { supervise.Contain(e.log, "Notices", func() { e.noticeIfStillLost(after) }) })
	case after.state == Connected && e.machine.announcedLoss(false):
		e.notice(Notice{ID: "connection", Title: "Connected again", Text: "The gateway reaches its data factory again."})
	case after.state == NeedRegistration && before.state != NeedRegistration && after.reason != "":
		e.notice(Notice{ID: "registration", Title: "The gateway has to be registered again", Text: after.reason, Error: true})
	}
}

func (e *Engine) noticeIfStillLost(since position) {
	t := time.NewTimer(lostFor)
	defer t.Stop()
	select {
	case <-t.C:
	case <-e.background.Done():
		return
	}
	if now := e.machine.position(); now.state == Disconnected && now.since.Equal(since.since) {
		e.machine.announcedLoss(true)
		e.notice(Notice{ID: "connection", Title: "The gateway is disconnected", Text: now.reason, Error: true})
	}
}

// noticeJob tells of a job that failed.
func (e *Engine) noticeJob(j Job) {
	if j.Status != report.Failed || j.Result == nil {
		return
	}
	text := fmt.Sprintf("%s: %s to %s", j.Pipeline, j.Source, j.Sink)
	if len(j.Result.Errors) > 0 {
		text = j.Pipeline + ": " + j.Result.Errors[0].Message
	}
	e.notice(Notice{ID: "job-failed", Title: "A job failed", Text: text, Error: true})
}
