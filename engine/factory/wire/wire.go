// Package wire is the JSON of the factory's REST interface, as the server writes it and the client reads it: Data
// Factory's shapes of api-version 2018-06-01, with a few properties of our own beside them (progress, attempt, reason).
package wire

import (
	"encoding/json"
	"time"

	"dmgateway/engine/report"
)

// APIVersion is the one version of the interface that there is.
const APIVersion = "2018-06-01"

// Kinds of resources, as they stand in paths.
const (
	LinkedServices      = "linkedservices"
	Datasets            = "datasets"
	Pipelines           = "pipelines"
	IntegrationRuntimes = "integrationRuntimes"
)

// Watermarks is the last part of a pipeline's path under which its watermarks are.
const Watermarks = "watermarks"

// Watermark is how far the incremental copies of an activity have read one column. It is no part of Data Factory.
type Watermark struct {
	Activity      string    `json:"activity"`
	Source        string    `json:"source"` // for people
	Column        string    `json:"column"`
	Value         string    `json:"value"`
	ActivityRunID string    `json:"activityRunId"` // the run that moved it last
	Changed       time.Time `json:"changed"`
}

// Resource is the envelope of everything that has a name.
type Resource struct {
	ID         string          `json:"id,omitempty"`
	Name       string          `json:"name"`
	Type       string          `json:"type,omitempty"`
	ETag       string          `json:"etag,omitempty"`
	Properties json.RawMessage `json:"properties"`
	// Warnings are sentences for people about the resource as it is.
	Warnings []string `json:"warnings,omitempty"`
}

// List is a page of anything.
type List[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"nextLink,omitempty"`
}

// FactoryInfo describes the factory itself.
type FactoryInfo struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Location   string            `json:"location"`
	Properties FactoryProperties `json:"properties"`
}

// FactoryProperties are a factory's properties. FactoryID is the GUID that stands in gateway keys.
type FactoryProperties struct {
	ProvisioningState string    `json:"provisioningState"`
	CreateTime        time.Time `json:"createTime"`
	Version           string    `json:"version"`
	FactoryID         string    `json:"factoryId"`
}

// AuthKeys is the answer of listAuthKeys and regenerateAuthKey. A gateway here has one key.
type AuthKeys struct {
	AuthKey1 string `json:"authKey1,omitempty"`
	AuthKey2 string `json:"authKey2,omitempty"`
}

// RegenerateKey is the body of regenerateAuthKey.
type RegenerateKey struct {
	KeyName string `json:"keyName"`
}

// Runtime is the properties of an integration runtime: of a logical gateway.
type Runtime struct {
	Type        string `json:"type"` // always SelfHosted
	Description string `json:"description,omitempty"`
}

// RuntimeStatus is the answer of getStatus.
type RuntimeStatus struct {
	Name       string                  `json:"name"`
	Properties RuntimeStatusProperties `json:"properties"`
}

// RuntimeStatusProperties say how a gateway is. State is NeedRegistration, Online, Offline, Limited or Upgrading.
type RuntimeStatusProperties struct {
	Type            string              `json:"type"`
	DataFactoryName string              `json:"dataFactoryName"`
	State           string              `json:"state"`
	Reason          string              `json:"reason,omitempty"` // why it is not Online
	Description     string              `json:"description,omitempty"`
	GatewayID       string              `json:"gatewayId"`
	TypeProperties  RuntimeStatusDetail `json:"typeProperties"`
}

// RuntimeStatusDetail is the part of a gateway's status that only self-hosted ones have.
type RuntimeStatusDetail struct {
	CreateTime    time.Time `json:"createTime"`
	TaskQueueID   string    `json:"taskQueueId"`
	Version       string    `json:"version,omitempty"`
	VersionStatus string    `json:"versionStatus"`
	AutoUpdate    string    `json:"autoUpdate"` // On, Off
	// ScheduledUpdateDate is when the first node installs a newer version by itself.
	ScheduledUpdateDate time.Time         `json:"scheduledUpdateDate,omitzero"`
	Capabilities        map[string]string `json:"capabilities"`
	ServiceURLs         []string          `json:"serviceUrls"`
	Nodes               []Node            `json:"nodes"`
}

// Node is one installation that registered with a gateway's key.
type Node struct {
	NodeName        string            `json:"nodeName"`
	MachineName     string            `json:"machineName"`
	NodeID          string            `json:"nodeId"`
	Status          string            `json:"status"` // Online, Limited, Offline, Upgrading, Initializing
	Reason          string            `json:"reason,omitempty"`
	Version         string            `json:"version"`
	VersionStatus   string            `json:"versionStatus"`
	Capabilities    map[string]string `json:"capabilities"`
	RegisterTime    time.Time         `json:"registerTime"`
	LastConnectTime time.Time         `json:"lastConnectTime,omitzero"`
	// ConcurrentJobsLimit is the limit in force, MaxConcurrentJobs the highest that can be set; a node tells one number.
	ConcurrentJobsLimit   int     `json:"concurrentJobsLimit"`
	MaxConcurrentJobs     int     `json:"maxConcurrentJobs"`
	ConcurrentJobsRunning int     `json:"concurrentJobsRunning"`
	AvailableMemoryInMB   int64   `json:"availableMemoryInMB"`
	CPUUtilization        float64 `json:"cpuUtilization"` // percent
	// AvailableVersion is a newer version that the node knows of, ScheduledUpdateDate when it installs it by itself, and
	// UpdateProblem why the last update did not work.
	AvailableVersion    string    `json:"availableVersion,omitempty"`
	ScheduledUpdateDate time.Time `json:"scheduledUpdateDate,omitzero"`
	AutoUpdate          bool      `json:"autoUpdate,omitempty"`
	UpdateProblem       string    `json:"updateProblem,omitempty"`
}

// Monitoring is the answer of monitoringData.
type Monitoring struct {
	Name  string           `json:"name"`
	Nodes []NodeMonitoring `json:"nodes"`
}

// NodeMonitoring is the load of one node. CPUUtilization is whole percent.
type NodeMonitoring struct {
	NodeName              string `json:"nodeName"`
	AvailableMemoryInMB   int64  `json:"availableMemoryInMB"`
	CPUUtilization        int    `json:"cpuUtilization"`
	ConcurrentJobsLimit   int    `json:"concurrentJobsLimit"`
	ConcurrentJobsRunning int    `json:"concurrentJobsRunning"`
	MaxConcurrentJobs     int    `json:"maxConcurrentJobs"`
}

// CreatedRun is the answer of createRun.
type CreatedRun struct {
	RunID string `json:"runId"`
}

// Canceling is the status of a pipeline run whose cancelling was asked for and has not happened yet.
const Canceling = "Canceling"

// PipelineRun is one run of a pipeline.
type PipelineRun struct {
	ID           string            `json:"id"`
	RunID        string            `json:"runId"`
	RunGroupID   string            `json:"runGroupId"`
	IsLatest     bool              `json:"isLatest"`
	PipelineName string            `json:"pipelineName"`
	Parameters   map[string]string `json:"parameters"`
	InvokedBy    InvokedBy         `json:"invokedBy"`
	LastUpdated  time.Time         `json:"lastUpdated"`
	RunStart     time.Time         `json:"runStart"`
	RunEnd       *time.Time        `json:"runEnd"`
	DurationInMs *int64            `json:"durationInMs"`
	Status       string            `json:"status"`
	Message      string            `json:"message"` // why it failed, or what it waits for
}

// InvokedBy says who started a run.
type InvokedBy struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"invokedByType"`
}

// ActivityRun is the run of one activity over all its attempts. Output is the result in the words of Data Factory's copy
// monitoring, absent until the run has ended; Progress the newest progress of a run that has not.
type ActivityRun struct {
	ID                string           `json:"id"`
	PipelineName      string           `json:"pipelineName"`
	PipelineRunID     string           `json:"pipelineRunId"`
	ActivityName      string           `json:"activityName"`
	ActivityType      string           `json:"activityType"`
	ActivityRunID     string           `json:"activityRunId"`
	Status            string           `json:"status"`
	ActivityRunStart  time.Time        `json:"activityRunStart"`
	ActivityRunEnd    *time.Time       `json:"activityRunEnd"`
	DurationInMs      *int64           `json:"durationInMs"`
	Input             json.RawMessage  `json:"input,omitempty"`
	Output            json.RawMessage  `json:"output,omitempty"`
	Error             RunError         `json:"error"`
	RetryAttempt      *int             `json:"retryAttempt"` // tries before this one, null at the first
	Attempt           int              `json:"attempt"`      // from 1
	Reason            string           `json:"reason,omitempty"`
	Gateway           string           `json:"gateway"`
	Node              string           `json:"node,omitempty"`
	QueuedTime        time.Time        `json:"queuedTime"`
	PickedUpInMs      *int64           `json:"pickedUpInMs,omitempty"` // from queueing the present attempt to a node having it
	Progress          *report.Progress `json:"progress,omitempty"`
	LinkedServiceName string           `json:"linkedServiceName"`
}

// RunError is the error of an activity run; empty texts mean none.
type RunError struct {
	ErrorCode   string `json:"errorCode"`
	Message     string `json:"message"`
	FailureType string `json:"failureType"` // UserError or SystemError
	Target      string `json:"target"`
	Hint        string `json:"hint,omitempty"`
}

// RunQuery is the body of queryPipelineRuns and queryActivityruns.
type RunQuery struct {
	ContinuationToken string      `json:"continuationToken,omitempty"`
	LastUpdatedAfter  time.Time   `json:"lastUpdatedAfter"`
	LastUpdatedBefore time.Time   `json:"lastUpdatedBefore"`
	Filters           []RunFilter `json:"filters,omitempty"`
	OrderBy           []RunOrder  `json:"orderBy,omitempty"`
}

// RunFilter is one condition of a RunQuery. Operator is Equals, NotEquals, In or NotIn.
type RunFilter struct {
	Operand  string   `json:"operand"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

// RunOrder is one key of a RunQuery's order, ASC or DESC.
type RunOrder struct {
	OrderBy string `json:"orderBy"`
	Order   string `json:"order"`
}

// RunPage is a page of runs; a ContinuationToken means that there are more.
type RunPage[T any] struct {
	Value             []T    `json:"value"`
	ContinuationToken string `json:"continuationToken,omitempty"`
}

// Files of a factory's folder that a client on the same machine reads.
const (
	TokenFile   = "token"        // bearer token of the REST interface
	AddressFile = "address.json" // a Ready with url and ca, there while the factory serves
)

// Ready is what a factory says once it serves.
type Ready struct {
	URL    string `json:"url"`
	Portal string `json:"portal,omitempty"` // address of the page, with a one-time login
	Token  string `json:"token,omitempty"`  // bearer token of the REST interface
	CA     string `json:"ca"`               // file of the certificate authority that signed the server's certificate, PEM
}
