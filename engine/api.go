package engine

import (
	"context"
	"time"

	"dmgateway/engine/report"
)

// State is the gateway's state as a person sees it. The one state machine that moves it is in state.go.
type State string

// The states.
const (
	NeedRegistration State = "NeedRegistration" // no key yet, or the key was recreated at the factory
	Stopped          State = "Stopped"          // a person stopped it
	Connecting       State = "Connecting"
	Connected        State = "Connected"
	Limited          State = "Limited"      // connected, but something does not work; Reason says what
	Disconnected     State = "Disconnected" // tries again by itself; Reason says why
	Draining         State = "Draining"     // takes no new jobs, finishes those that run
	Updating         State = "Updating"
)

// Status is everything about the gateway as a whole.
type Status struct {
	State       State             `json:"state"`
	Reason      string            `json:"reason"`           // why, in words
	Remedy      string            `json:"remedy,omitempty"` // what to do
	Since       time.Time         `json:"since"`
	Gateway     string            `json:"gateway"` // names
	Node        string            `json:"node"`
	Factory     string            `json:"factory"`
	FactoryURL  string            `json:"factoryUrl,omitempty"`
	Version     string            `json:"version"`
	LastContact time.Time         `json:"lastContact,omitzero"`
	Jobs        JobCounts         `json:"jobs"`
	Certificate CertificateStatus `json:"certificate"`
	Endpoint    EndpointStatus    `json:"endpoint"`
	Update      UpdateStatus      `json:"update"`
	// Warnings are what will hurt if nobody sees to it, the gravest first.
	Warnings []Warning `json:"warnings,omitempty"`
	// BuiltIn is true while the factory of "Try it here" runs in this process; Portal is its address then.
	BuiltIn bool `json:"builtInFactory,omitempty"`
}

// JobCounts is how many jobs run and may run at once.
type JobCounts struct {
	Running int `json:"running"`
	Limit   int `json:"limit"`
}

// CertificateStatus describes the gateway's certificate.
type CertificateStatus struct {
	Thumbprint string    `json:"thumbprint"` // SHA-1 in upper-case hex, as Windows and Azure show it
	NotAfter   time.Time `json:"notAfter"`
}

// Warning is something that a person should see to before it hurts.
type Warning struct {
	ID     string `json:"id"` // stable: "disk", "clock", "certificate", "folder", "sleep", "component", "update", "feed", "programs"
	Title  string `json:"title"`
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
	Grave  bool   `json:"grave,omitempty"`
}

// Job is a copy that this gateway was given, running or ended.
type Job struct {
	ID        string           `json:"id"` // the activity run
	Pipeline  string           `json:"pipeline"`
	Activity  string           `json:"activity"`
	Source    string           `json:"source"` // "PostgreSQL public.orders", for people
	Sink      string           `json:"sink"`
	Status    string           `json:"status"` // report.Queued, InProgress, Succeeded, Failed, Cancelled
	Attempt   int              `json:"attempt"`
	Taken     time.Time        `json:"taken"`
	Started   time.Time        `json:"started,omitzero"`
	Ended     time.Time        `json:"ended,omitzero"`
	PickedUp  time.Duration    `json:"pickedUp"` // from the factory's queueing to taken
	Progress  *report.Progress `json:"progress,omitempty"`
	Result    *report.Result   `json:"result,omitempty"`
	Retryable bool             `json:"retryable,omitempty"`
}

// Event is something that subscribers are told. Exactly one field is set.
type Event struct {
	Status *Status `json:"status,omitempty"` // the new status, whenever anything in it changed
	Job    *Job    `json:"job,omitempty"`    // a job that was taken, progressed or ended
	Notice *Notice `json:"notice,omitempty"`
	// Show asks the window to come up: a second start of the program.
	Show bool `json:"show,omitempty"`
}

// Notice is a sentence that a person may want to see even when the window is hidden.
type Notice struct {
	ID    string `json:"id"` // stable name of the kind of notice, so that one is not repeated: "connection", "job-failed"
	Title string `json:"title"`
	Text  string `json:"text"`
	Error bool   `json:"error,omitempty"`
}

// RegisterStep is one step of registering: key, contact, prove, certificate, queue, done.
type RegisterStep struct {
	Name string `json:"name"`
	Text string `json:"text"` // for people, in progress form: "Contacting factory.example:8051"
}

// Controller is what the window and the command line do with a running engine. [*Engine] is one in the same process,
// [*Client] one over the control socket of a data directory.
type Controller interface {
	CertificateControl
	EndpointControl
	NetworkControl
	LogControl
	UpdateControl
	Status(ctx context.Context) (Status, error)
	// Start connects and takes jobs; Stop ends running jobs at their next checkpoint and disconnects; Drain takes no new
	// jobs and stops when those that run have ended. The wish outlives a restart, except Drain's.
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Drain(ctx context.Context) error
	// Register registers with a key, again in place where it was registered before, and starts. node is the node's name,
	// "" = the machine's. progress can be nil.
	Register(ctx context.Context, key, node string, progress func(RegisterStep)) error
	Unregister(ctx context.Context) error
	// Jobs lists the running jobs and the most recent ended ones, newest first, at most limit (0 = 100).
	Jobs(ctx context.Context, limit int) ([]Job, error)
	Job(ctx context.Context, id string) (Job, error)
	Cancel(ctx context.Context, id string) error
	// Settings are all settings by name; SetSetting checks and stores one (value "" = the default) and applies it.
	Settings(ctx context.Context) ([]Setting, error)
	SetSetting(ctx context.Context, name, value string) error
	// Subscribe tells everything from now on, beginning with the present status, until ctx ends. A subscriber that does
	// not keep up loses progress, never the newest status or a job's end.
	Subscribe(ctx context.Context) (<-chan Event, error)
	// TryIt starts the built-in factory, makes a gateway there, registers with it, applies the sample and runs its
	// pipeline. The run's progress comes by events; the sample's place is in the answer.
	TryIt(ctx context.Context, progress func(RegisterStep)) (Sample, error)
}

// Sample is what Try it here has made.
type Sample struct {
	Folder   string   `json:"folder"` // where the copied files will lie
	Pipeline string   `json:"pipeline"`
	Run      string   `json:"run"` // the first activity run: the job's ID at the gateway
	Runs     []string `json:"runs"`
}

// Setting is one thing that a person can set.
type Setting struct {
	Name    string   `json:"name"`
	Value   string   `json:"value"`
	Default string   `json:"default"`
	Help    string   `json:"help"`
	Kind    string   `json:"kind"` // text, number, bool, choice, folders
	Choices []string `json:"choices,omitempty"`
}
