package viewtest

import (
	"time"

	"dmgateway/engine"
)

// Scene is a situation that a person can meet, by name.
type Scene struct {
	Name string
	Make func() *Controller
}

// Scenes are those in which every page has to look right.
var Scenes = []Scene{{"new", New}, {"idle", Idle}, {"busy", Busy}, {"broken", Broken}, {"stopped", Stopped}}

// New is a gateway that never registered.
func New() *Controller {
	return &Controller{
		Now: engine.Status{State: engine.NeedRegistration, Since: Now.Add(-time.Minute), Version: "0.1.0"},
		Set: settings(),
	}
}

// Idle is registered and connected, and has never had a job.
func Idle() *Controller {
	c := New()
	c.Now = engine.Status{
		State: engine.Connected, Since: Now.Add(-26 * time.Minute), Gateway: "sales-gateway", Node: "srv-sql-01", Factory: "sales-factory",
		FactoryURL: "https://factory.example:8051", Version: "0.1.0", LastContact: Now.Add(-3 * time.Second), Jobs: engine.JobCounts{Limit: 4},
		Certificate: engine.CertificateStatus{Thumbprint: "8F43288AD272F3103B6FB1428485EA3014C0BCFE", NotAfter: Now.AddDate(5, 0, 0)},
	}
	return c
}

// Busy copies two jobs and has a history.
func Busy() *Controller {
	c := Idle()
	c.Now.Jobs.Running = 3
	c.List = []engine.Job{
		{
			ID: "r1", Pipeline: "Orders to lake", Activity: "Copy orders", Source: "PostgreSQL public.orders", Sink: "Azure Blob lake/orders/*.parquet",
			Status: engine.InProgress, Attempt: 1, Taken: Now.Add(-70 * time.Second), Started: Now.Add(-69 * time.Second),
			Progress: &engine.Progress{
				Stage: "copying", RowsRead: 4_650_000, RowsCopied: 4_612_096, BytesRead: 611_000_000, RowsPerSec: 68_231, BytesPerSec: 8_930_000,
				Share: 0.62, Left: 43 * time.Second, Elapsed: 69 * time.Second,
			},
		},
		{
			ID: "r2", Pipeline: "Archive scans", Activity: "Archive scans", Source: "File system scans/2026", Sink: "Azure Blob archive/2026",
			Status: engine.InProgress, Attempt: 2, Taken: Now.Add(-80 * time.Second), Started: Now.Add(-79 * time.Second),
			Progress: &engine.Progress{Stage: "copying", FilesRead: 312, BytesRead: 18_400_000_000, BytesPerSec: 92_000_000, Share: -1, Elapsed: 79 * time.Second},
		},
		{ID: "r3", Pipeline: "Customers", Activity: "Copy customers", Source: "SQLite customers", Sink: "PostgreSQL crm.customers", Status: engine.Queued, Attempt: 1, Taken: Now.Add(-90 * time.Second)},
	}
	c.List = append(c.List, history()...)
	return c
}

func history() []engine.Job {
	done := func(id, pipeline, source, sink string, ago, took time.Duration, rows, bytes int64) engine.Job {
		return engine.Job{
			ID: id, Pipeline: pipeline, Activity: "Copy", Source: source, Sink: sink, Status: engine.Succeeded, Attempt: 1, Taken: Now.Add(-ago - took),
			Started: Now.Add(-ago - took), Ended: Now.Add(-ago), PickedUp: 340 * time.Millisecond,
			Result: &engine.Result{
				Status: engine.Succeeded, RowsRead: rows, RowsCopied: rows, DataRead: bytes, DataWritten: bytes / 3, FilesWritten: 4, CopyDuration: took.Seconds(),
				Throughput: float64(bytes) / 1000 / took.Seconds(), UsedParallelCopies: 4, Files: []string{"lake/orders/part-0001.parquet", "lake/orders/part-0002.parquet"},
			},
		}
	}
	failed := done("f1", "Invoices", "PostgreSQL finance.invoices", "File system out/invoices.csv", 20*time.Minute, 3*time.Second, 0, 0)
	failed.Status, failed.Retryable = engine.Failed, true
	failed.Result = &engine.Result{Status: engine.Failed, RowsRead: 18_000, DataRead: 4_100_000, Errors: []engine.ErrorInfo{{
		Code: "SignInFailed", Message: `connect to PostgreSQL at db1:5432: password authentication failed for user "loader"`,
		Target: "db1:5432", Hint: "Check user and password of the linked service OnPremFinance, and set its credential again.",
	}}}
	cancelled := done("c1", "Telemetry history", "PostgreSQL iot.telemetry", "Azure Blob lake/telemetry", 49*time.Minute, 95*time.Second, 2_300_000, 390_000_000)
	cancelled.Status = engine.Cancelled
	return []engine.Job{
		done("d1", "Orders to lake", "PostgreSQL public.orders", "Azure Blob lake/orders", 5*time.Minute, 112*time.Second, 7_512_004, 990_000_000),
		failed, cancelled,
		done("d2", "Price list", "File system prices.csv", "PostgreSQL shop.prices", 26*time.Hour, 800*time.Millisecond, 1_204, 88_000),
		done("d3", "A pipeline with a long name that will not fit", "PostgreSQL warehouse.a_table_with_a_long_name", "Azure Blob container/and/a/rather/deep/folder", 72*time.Hour, 3*time.Hour, 1_812_004_211, 412_000_000_000),
	}
}

// Broken has lost the connection.
func Broken() *Controller {
	c := Busy()
	c.List = history()
	c.Now.State, c.Now.Jobs.Running, c.Now.Since = engine.Disconnected, 0, Now.Add(-4*time.Minute)
	c.Now.Reason = "the factory at factory.example:8051 does not answer: connect: connection refused"
	c.Now.Remedy = "Check that the factory runs and that this computer may reach it on TCP port 8051; the gateway tries again by itself."
	return c
}

// Stopped was stopped by a person.
func Stopped() *Controller {
	c := Idle()
	c.Now.State = engine.Stopped
	return c
}

func settings() []engine.Setting {
	list := []engine.Setting{
		{Name: engine.SettingJobLimit, Kind: "number", Value: "4", Default: "4"},
		{Name: engine.SettingFolders, Kind: "folders", Value: "/srv/exports:/home/gateway/in"},
		{Name: engine.SettingNodeName, Kind: "text", Value: "srv-sql-01", Default: "srv-sql-01"},
		{Name: engine.SettingAutostart, Kind: "bool", Value: "true", Default: "true"},
		{Name: engine.SettingTheme, Kind: "choice", Value: "system", Default: "system", Choices: []string{"system", "light", "dark"}},
		{Name: engine.SettingVerbose, Kind: "bool", Value: "false", Default: "false"},
		{Name: engine.SettingNotifications, Kind: "bool", Value: "true", Default: "true"},
		{Name: engine.SettingLanguage, Kind: "choice", Value: "system", Default: "system", Choices: []string{"system", "en", "de"}},
		{Name: engine.SettingByteLimit, Kind: "text"},
		{Name: engine.SettingEndpoint, Kind: "bool", Value: "true", Default: "true"},
		{Name: engine.SettingEndpointPort, Kind: "number", Value: "8051", Default: "8050"},
		{Name: engine.SettingEndpointAddress, Kind: "text", Value: "localhost", Default: "localhost"},
		{Name: engine.SettingControlGroup, Kind: "text"},
	}
	for _, d := range engine.SettingDefinitions() {
		for i := range list {
			if list[i].Name == d.Name {
				list[i].Help = d.Help
			}
		}
	}
	return list
}
