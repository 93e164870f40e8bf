package engine

import (
	"context"
	"strings"
	"time"

	"dmgateway/engine/fault"
)

// UpdateControl is what can be asked and done about newer versions of the program. Whether and when they are installed by
// themselves are the settings [SettingAutoUpdate] and [SettingUpdateTime].
type UpdateControl interface {
	// CheckUpdate asks the feed now, which takes some seconds, and gives what is known afterwards. A feed that cannot be
	// reached or is not trusted is an error; the program is not affected by it.
	CheckUpdate(ctx context.Context) (UpdateStatus, error)
	// InstallUpdate downloads the newer version (unless it lies here already), takes no new jobs, waits for those that run,
	// and returns when the program is about to restart: the engine's control socket closes soon after, and the new version
	// opens it again. progress can be nil. While it waits, ending ctx gives up and takes jobs again. A version that failed
	// here before is tried again.
	InstallUpdate(ctx context.Context, progress func(UpdateStep)) error
	// DismissUpdate forgets [UpdateStatus.Updated], after a person has seen it, and a failure that was shown.
	DismissUpdate(ctx context.Context) error
}

// UpdateState says how far an update is.
type UpdateState string

// The states of an update.
const (
	UpdateNone        UpdateState = "None"           // nothing newer is known
	UpdateAvailable   UpdateState = "Available"      // a person may install it
	UpdateScheduled   UpdateState = "Scheduled"      // it will install itself at UpdateStatus.Scheduled
	UpdateDownloading UpdateState = "Downloading"    // Done of Total bytes
	UpdateWaiting     UpdateState = "WaitingForJobs" // no new jobs are taken, those that run end first
	UpdateRestarting  UpdateState = "Restarting"
	UpdateOnTrial     UpdateState = "OnTrial" // the new version runs and has to prove itself
	UpdateFailed      UpdateState = "Failed"  // it did not work; the version before runs. Problem says why
)

// UpdateStatus says what is known of newer versions.
type UpdateStatus struct {
	Available string     `json:"available"` // the newer version, "" = none known
	Scheduled *time.Time `json:"scheduled"` // when it is installed, nil = not at all
	Auto      bool       `json:"auto"`      // it is installed without anybody asking

	State UpdateState `json:"state"`
	// Off says why this program cannot be updated by itself, "" where it can: a build without pinned keys, or no feed.
	Off   string `json:"off,omitempty"`
	Notes string `json:"notes,omitempty"` // what is new in Available, Markdown
	// Done and Total are bytes of the download while State is Downloading.
	Done    int64     `json:"done,omitempty"`
	Total   int64     `json:"total,omitempty"`
	Checked time.Time `json:"checked,omitzero"` // when the feed answered last
	// Problem is the last failure of checking or installing, and Remedy what to do; "" = none.
	Problem string `json:"problem,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	// Updated is the last update, until a person has dismissed it.
	Updated *Updated `json:"updated,omitempty"`
}

// Err is the failure of the last update, code [CodeUpdateUndone]; nil where there is none.
func (s UpdateStatus) Err() error {
	if s.State != UpdateFailed {
		return nil
	}
	return fault.New(CodeUpdateUndone, "%s", strings.TrimSuffix(s.Problem, ".")).Try("%s", s.Remedy)
}

// CodeUpdateUndone is the code of [UpdateStatus.Err]: a newer version did not work, and the one before runs again.
const CodeUpdateUndone = "UpdateUndone"

// Updated tells of an update that was installed and has proved itself.
type Updated struct {
	From  string    `json:"from"`
	To    string    `json:"to"`
	When  time.Time `json:"when"`
	Notes string    `json:"notes,omitempty"` // what is new, Markdown
}

// UpdateStep is one moment of installing an update.
type UpdateStep struct {
	State UpdateState `json:"state"`
	Text  string      `json:"text"` // for people, in progress form: "Downloading 1.3.0"
	// Done and Total are bytes while State is Downloading.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
}
