package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"dmgateway/engine/factory"
	"dmgateway/engine/factory/client"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	formats "dmgateway/engine/format/all"
	"dmgateway/engine/secret"
	stores "dmgateway/engine/store/all"
)

// FactoryClient talks to a factory's REST interface.
type FactoryClient = client.Client

// What a factory tells of its gateways and runs.
type (
	// Gateway is a logical gateway with its nodes and their state.
	Gateway = wire.RuntimeStatus
	// PipelineRun is one run of a pipeline.
	PipelineRun = wire.PipelineRun
	// ActivityRun is the run of one activity in it.
	ActivityRun = wire.ActivityRun
	// Applied is what became of one object of a file that was applied.
	Applied = client.Applied
	// FactoryObject is a linked service, dataset or pipeline with what it uses.
	FactoryObject = client.Object
	// RunDetails is a pipeline run with its activity runs.
	RunDetails = client.RunDetails
	// FactoryReady is how a factory that serves is reached: address, page, token and authority.
	FactoryReady = wire.Ready
)

// Triggers is the kind of an [Applied] trigger, which a factory does not keep.
const Triggers = client.Triggers

// ResultOf is the result of an activity run, nil where it has none yet.
func ResultOf(a ActivityRun) *Result {
	if len(a.Output) == 0 {
		return nil
	}
	var r Result
	if json.Unmarshal(a.Output, &r) != nil || r.Status == "" {
		return nil
	}
	return &r
}

// FactoryOptions of a factory that runs alone.
type FactoryOptions struct {
	Data       string // data directory; the factory lies in its folder "factory"
	Name       string
	Listen     string // host:port, port 0 = a free one
	ServiceBus string // connection string of an Azure Service Bus namespace, "" = the built-in bus
	TLSCert    string // PEM files, "" = a certificate of the factory's own authority
	TLSKey     string
	Feed       string // folder with a feed of updates for gateways, "" = none
	Verbose    bool
	LogTo      io.Writer
}

// ServeFactory serves the cloud side until ctx ends. ready is called once it answers.
func ServeFactory(ctx context.Context, o FactoryOptions, ready func(FactoryReady) error) error {
	data, err := resolveData(o.Data)
	if err != nil {
		return err
	}
	dir := filepath.Join(data, factoryFolder)
	level := slog.LevelInfo
	if o.Verbose {
		level = slog.LevelDebug
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fault.New(fault.Conflict, "listen on %s", o.Listen).Because(err).Try("Choose another address with --listen; port 0 takes a free one.")
	}
	f, err := factory.Open(ctx, factory.Options{
		Dir: dir, Name: o.Name, CertFile: o.TLSCert, KeyFile: o.TLSKey, ServiceBus: secret.New(o.ServiceBus), Version: Version().Version, Feed: o.Feed,
		Stores: stores.Stores(), Formats: formats.Formats(), Log: NewLog(o.LogTo, level),
	})
	if err != nil {
		l.Close()
		return err
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	err = f.Serve(serving, l, func(r wire.Ready) {
		if failed = ready(r); failed != nil {
			stop()
		}
	})
	return errors.Join(failed, err, f.Close())
}

// DialFactory gives a client for the factory at url with its token and its authority's certificate, or, where url is
// empty, for the one whose data directory is given. It takes the proxy that is set for the gateway of the data directory;
// where there is none, the one that the environment names; standard error is told where that cannot be read.
func DialFactory(data, url, token, ca string) (*FactoryClient, error) {
	if url != "" {
		return client.NewVia(BundleOptions{Data: data, Log: NewLog(os.Stderr, slog.LevelWarn)}.outbound(), url, token, ca)
	}
	data, err := resolveData(data)
	if err != nil {
		return nil, err
	}
	return client.Local(filepath.Join(data, factoryFolder))
}
