// Package protocol is what a factory and a gateway say to each other: the signed job on the queue, the events that come
// back, and the bodies of the gateway's own REST calls. Both sides import it and nothing of each other.
package protocol

import (
	"encoding/json"
	"time"

	"dmgateway/engine/report"
)

// Subjects of messages on a gateway's queue.
const (
	SubjectJob    = "job"    // body: JWS compact (EdDSA) of a Job
	SubjectCancel = "cancel" // body: JWS compact (EdDSA) of a Cancel
)

// Job is one attempt of one copy activity, as it travels on the queue. The message's MessageID is [Job.MessageID].
type Job struct {
	ActivityRun string    `json:"activityRun"` // UUID, the same over all attempts: the run's ID at the gateway and in sinks
	PipelineRun string    `json:"pipelineRun"`
	Attempt     int       `json:"attempt"` // from 1
	Factory     string    `json:"factory"` // the factory's GUID
	Gateway     string    `json:"gateway"` // the logical gateway's GUID; another gateway refuses the job
	Pipeline    string    `json:"pipeline"`
	Activity    string    `json:"activity"`
	QueuedAt    time.Time `json:"queuedAt"`
	Expires     time.Time `json:"expires"` // after this the gateway refuses the job: replayed or forgotten
	// Lease is how long, in seconds, a node may go on without having reached the factory.
	Lease int `json:"lease"`
	// Bundle is {"linkedServices":[…],"datasets":[…],"activity":{…}} with expressions filled in and secrets sealed.
	Bundle json.RawMessage `json:"bundle"`
	// Checkpoint is the newest that an earlier attempt sent, absent at first; opaque to the factory.
	Checkpoint json.RawMessage `json:"checkpoint,omitempty"`
	// Watermarks is how far earlier runs of the activity have read, by [Watermark].Key. It is absent while the factory has
	// never heard of one: then what the node itself knows counts. An empty value means that the key begins anew.
	Watermarks map[string]string `json:"watermarks,omitempty"`
}

// Watermark is a step of an incremental copy: every row with From < value ≤ Upto is in the sink. A node sends it with the
// result of the attempt that found the rows there, and the factory keeps it in the act that stores the result.
type Watermark struct {
	Key    string `json:"key"`    // what was read, and where it went; opaque to the factory, at most MaxWatermarkKey bytes
	Column string `json:"column"` // for people
	Source string `json:"source"` // for people
	From   string `json:"from"`   // "" is the beginning
	Upto   string `json:"upto"`   // at most MaxWatermark bytes
}

// How long a watermark's key, and its other texts, may be, in bytes.
const (
	MaxWatermarkKey = 64
	MaxWatermark    = 4 << 10
)

// MessageID is the activity run and the attempt: a repeated send has the same.
func (j Job) MessageID() string { return messageID(j.ActivityRun, j.Attempt) }

// Cancel asks the gateway to stop an activity run's attempts up to this one. It is a message of its own, so a node that does not run the job drops
// it; the node that does also learns it from its next lease renewal.
type Cancel struct {
	ActivityRun string    `json:"activityRun"`
	Attempt     int       `json:"attempt"` // a later one, made by a retry, goes on where this comes again
	Gateway     string    `json:"gateway"`
	Expires     time.Time `json:"expires"`
}

// Kinds of events.
const (
	EventStarted   = "started"
	EventProgress  = "progress"
	EventResult    = "result"
	EventHeartbeat = "heartbeat"
)

// Event is what a node reports, on the factory's status queue. Its message carries Subject = Kind. Results have the
// deterministic MessageID "result/" + activity run + attempt and are kept in the outbox until the queue has taken them;
// progress and heartbeats are not kept: a newer one replaces them. The body is a JWS, see SignEvent.
type Event struct {
	Kind    string    `json:"kind"`
	Factory string    `json:"factory"`
	Gateway string    `json:"gateway"`
	Node    string    `json:"node"` // node GUID
	Time    time.Time `json:"time"`

	ActivityRun string           `json:"activityRun,omitempty"`
	Attempt     int              `json:"attempt,omitempty"`
	PickedUp    time.Duration    `json:"pickedUp,omitempty"` // from queueing to taken, for started
	Progress    *report.Progress `json:"progress,omitempty"`
	Result      *report.Result   `json:"result,omitempty"`
	Heartbeat   *Heartbeat       `json:"heartbeat,omitempty"`
	// Watermark is of an incremental copy whose rows are all in the sink, with its result.
	Watermark *Watermark `json:"watermark,omitempty"`
}

// Heartbeat describes a node. It also renews the leases of the jobs that it names.
type Heartbeat struct {
	NodeName string   `json:"nodeName"`
	Version  string   `json:"version"`
	State    string   `json:"state"` // engine state, see engine.State
	Reason   string   `json:"reason,omitempty"`
	CPU      float64  `json:"cpuUtilization"`  // percent of the machine
	Memory   int64    `json:"availableMemory"` // bytes
	Running  int      `json:"runningConcurrentJobs"`
	Limit    int      `json:"limitConcurrentJobs"`
	Jobs     []string `json:"jobs,omitempty"` // activity runs it holds
	// Endpoint is where credentials are set, "https://host:8050", "" while that is off.
	Endpoint string `json:"endpoint,omitempty"`
	// Update is what it knows of newer versions of the program, nil where it is not updated by itself.
	Update *HeartbeatUpdate `json:"update,omitempty"`
}

// Paths of the gateway's own REST calls, below the factory's address. All but registering carry the node's token as bearer
// token; one that is not valid, or not any more because the key was recreated or the gateway removed, is answered with
// status 401 and code fault.NotRegistered.
const (
	PathRegisterBegin = "/gateway/v1/register/begin"
	PathRegister      = "/gateway/v1/register"
	PathLease         = "/gateway/v1/lease"
	PathCheckpoint    = "/gateway/v1/checkpoint"
	PathUnregister    = "/gateway/v1/unregister"
	PathRetry         = "/gateway/v1/retry"
	PathCertificate   = "/gateway/v1/certificate"
	// PathBus is where the built-in Service Bus speaks AMQP over WebSocket, as Azure's does.
	PathBus = "/$servicebus/websocket"
)

// RegisterBegin opens registering, which takes two calls over one TLS connection whose certificate the gateway does not
// know yet. Both sides prove that they know the key's secret without sending it, bound to that certificate, so that
// nobody can stand between:
//
//	gateway → factory   RegisterBegin{key id, gateway nonce}
//	factory → gateway   RegisterChallenge{factory nonce, proof = HMAC(K, "factory" ‖ nonces ‖ SPKI hash)}
//	gateway → factory   Register{…, proof = HMAC(K, "gateway" ‖ nonces ‖ SPKI hash ‖ hash of the request)}
//	factory → gateway   Registered{queue, tokens, signing key}
//
// K = HKDF-SHA256(secret, salt = key id, info = "dmgateway register v1"); the SPKI hash is that of the certificate which
// the gateway sees on the connection. From then on the gateway pins that SPKI hash. See proof.go.
type RegisterBegin struct {
	Factory string `json:"factory"`
	Gateway string `json:"gateway"`
	KeyID   string `json:"keyId"`
	Nonce   []byte `json:"nonce"` // 32 bytes
}

// RegisterChallenge answers RegisterBegin.
type RegisterChallenge struct {
	Session string `json:"session"`
	Nonce   []byte `json:"nonce"`
	Proof   []byte `json:"proof"`
}

// Register hands over the node.
type Register struct {
	Session     string `json:"session"`
	NodeName    string `json:"nodeName"`
	NodeID      string `json:"nodeId,omitempty"` // of an earlier registration of the same installation
	Version     string `json:"version"`
	Certificate []byte `json:"certificate"` // the gateway's certificate, DER
	Proof       []byte `json:"proof"`       // over the rest of this value with an empty Proof
}

// Registered is everything a node needs from then on.
type Registered struct {
	Factory     string `json:"factory"`
	FactoryName string `json:"factoryName"`
	Gateway     string `json:"gateway"`
	GatewayName string `json:"gatewayName"`
	Node        string `json:"node"`
	// Token signs this node's events and is the bearer token of its REST calls.
	Token string `json:"token"`
	// SigningKey is the factory's Ed25519 public key; jobs are accepted with its signature only.
	SigningKey []byte `json:"signingKey"`
	Queue      Queue  `json:"queue"`
	// Heartbeat is how often, in seconds, the factory wants one; Lease as in Job.
	Heartbeat int `json:"heartbeat"`
	Lease     int `json:"lease"`
}

// Queue says how to reach the Service Bus.
type Queue struct {
	// Connection is a Service Bus connection string for a rule that may only listen on Jobs and send to Status. An
	// Endpoint host of "factory" means: the built-in bus, over WebSocket at the factory's own address, see PathBus.
	Connection string `json:"connection"`
	Jobs       string `json:"jobs"`
	Status     string `json:"status"`
}

// LeaseRequest renews or takes the lease of jobs and asks what to do with each. It is REST, so that a node which came
// back from sleep knows at once. A node takes the lease of an attempt before it touches a store: the first node that asks
// has it, and until one has, a late result of an earlier attempt may still end the run.
type LeaseRequest struct {
	Node string     `json:"node"`
	Jobs []LeaseJob `json:"jobs"`
}

// LeaseJob is one attempt that a node holds.
type LeaseJob struct {
	ActivityRun string `json:"activityRun"`
	Attempt     int    `json:"attempt"`
}

// Answers to a lease.
const (
	LeaseHeld      = "held"      // go on
	LeaseLost      = "lost"      // another attempt has it, or the run has ended: stop, report nothing
	LeaseCancelled = "cancelled" // a person cancelled it: stop, report Cancelled
)

// LeaseResponse has one answer per job, in order.
type LeaseResponse struct {
	Answers []string `json:"answers"`
}

// CheckpointRequest hands over the newest checkpoint of an attempt; 409 means the lease is lost.
type CheckpointRequest struct {
	ActivityRun string          `json:"activityRun"`
	Attempt     int             `json:"attempt"`
	Checkpoint  json.RawMessage `json:"checkpoint"`
}

// RetryRequest asks for another run of what a failed or cancelled activity run copied, from its last checkpoint. The
// activity run gets another attempt; 409 means that it has not ended or has succeeded.
type RetryRequest struct {
	ActivityRun string `json:"activityRun"`
}

// ErrorBody is how every REST call fails: Data Factory's {"error":{"code","message"}} and our target and hint.
type ErrorBody struct {
	Error report.Error `json:"error"`
}
