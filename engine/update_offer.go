package engine

import (
	"context"
	"encoding/json"
	"time"

	"dmgateway/engine/logging"
	"dmgateway/engine/update"
	"dmgateway/engine/update/feed"
)

// settingUpdateOffer is where the journal keeps which version is to be installed when, so that a machine which is off at
// that time of day does it when it is on again.
const settingUpdateOffer = "update.offer"

type updateOffer struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Time is the setting that At follows from.
	Time string `json:"time"`
}

// offer says that a version can be installed, and when it will be; nil = none.
func (e *Engine) offer(r *feed.Release) {
	if r == nil {
		e.changeUpdate(func(s *UpdateStatus) {
			s.Available, s.Notes, s.Scheduled = "", "", nil
			if s.State == UpdateAvailable || s.State == UpdateScheduled {
				s.State = UpdateNone
			}
		})
		return
	}
	at := e.scheduledFor(r.Version)
	fresh := false
	e.changeUpdate(func(s *UpdateStatus) {
		fresh = s.Available != r.Version
		s.Available, s.Notes, s.Scheduled = r.Version, r.Notes, at
		switch s.State {
		case "", UpdateNone, UpdateAvailable, UpdateScheduled:
			s.State = UpdateAvailable
			if at != nil {
				s.State = UpdateScheduled
			}
		}
	})
	if !fresh {
		return
	}
	e.log.Info("a newer version is offered", logging.Key, logging.UpdateOffered, "version", r.Version, "scheduled", at)
	if at != nil {
		e.notice(Notice{ID: "update", Title: "An update is scheduled", Text: "Version " + r.Version + ", " + at.Local().Format("2006-01-02 15:04")})
	} else {
		e.notice(Notice{ID: "update", Title: "An update is available", Text: "Version " + r.Version})
	}
}

// scheduledFor is when a version installs itself, nil = not by itself.
func (e *Engine) scheduledFor(version string) *time.Time {
	s, err := update.Load(e.data)
	if _, failed := s.Failed[version]; err != nil || failed || e.setting(SettingAutoUpdate) != "true" || e.updates.starter == nil {
		return nil
	}
	ctx := e.background
	timeOfDay := e.setting(SettingUpdateTime)
	var kept updateOffer
	if text, found, err := e.journal.Setting(ctx, settingUpdateOffer); err == nil && found {
		if json.Unmarshal([]byte(text), &kept) == nil && kept.Version == version && kept.Time == timeOfDay {
			return &kept.At
		}
	}
	e.updates.mu.Lock()
	node := e.updates.node
	e.updates.mu.Unlock()
	at := update.At(e.updates.now(), timeOfDay, node, version)
	if text, err := json.Marshal(updateOffer{version, at, timeOfDay}); err == nil {
		if err := e.journal.SetSetting(context.WithoutCancel(ctx), settingUpdateOffer, string(text)); err != nil {
			e.log.Warn("when an update is scheduled could not be kept", logging.Key, logging.Notable, "error", err)
		}
	}
	return &at
}

// reschedule brings changed settings into effect.
func (e *Engine) reschedule() {
	e.updates.mu.Lock()
	r := e.updates.release
	e.updates.mu.Unlock()
	if r != nil {
		e.offer(r)
	} else {
		e.announce()
	}
}

// lookForUpdates lets the feed be asked soon, because it is another one.
func (e *Engine) lookForUpdates() {
	e.updates.mu.Lock()
	e.updates.release, e.updates.next = nil, e.updates.now()
	e.updates.mu.Unlock()
	e.offer(nil)
	e.announce()
}

// DismissUpdate forgets what was updated, and a failure that was shown.
func (e *Engine) DismissUpdate(context.Context) error {
	if err := update.Dismiss(e.data); err != nil {
		return err
	}
	s, err := update.Load(e.data)
	if err != nil {
		return err
	}
	e.changeUpdate(func(u *UpdateStatus) {
		u.Problem, u.Remedy = "", ""
		if u.State == UpdateFailed {
			u.State = UpdateNone
		}
	})
	e.showUpdated(s)
	e.reschedule()
	return nil
}
