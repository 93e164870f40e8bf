package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// DemoResult is what the demonstration did and found.
type DemoResult struct {
	Status      string        `json:"status"`
	SourceRows  int64         `json:"sourceRows"`
	ParquetRows int64         `json:"parquetRows"` // counted in the file that was written
	CSVRows     int64         `json:"csvRows"`     // likewise
	PickedUp    time.Duration `json:"pickedUp"`
	Folder      string        `json:"folder"`
	Files       []string      `json:"files"`
	Jobs        []Job         `json:"jobs"`
}

// Demo is the whole story in one process: an installation in the folder data, a sample of rows, both pipelines run, the
// files in the folder results counted. A failed copy is a result whose Status says so.
func Demo(ctx context.Context, data, results string, rows int64, progress func(RegisterStep)) (_ *DemoResult, err error) {
	if rows < 1 {
		return nil, fault.New(fault.BadInput, "the sample needs at least one row")
	}
	if results, err = filepath.Abs(results); err != nil {
		return nil, fmt.Errorf("resolve the result's folder: %w", err)
	}
	e, err := Open(ctx, Options{Data: data, KeyStore: credential.FileKeyStore(filepath.Join(data, "vault.key"))})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	events, err := e.Subscribe(ctx)
	if err != nil {
		return nil, err
	}
	sample, err := e.trySample(ctx, results, rows, progress)
	if err != nil {
		return nil, err
	}
	d := &DemoResult{Status: Succeeded, SourceRows: rows, Folder: results}
	if d.Jobs, err = e.waitFor(ctx, events, sample.Runs); err != nil {
		return nil, err
	}
	for _, j := range d.Jobs {
		d.PickedUp = max(d.PickedUp, j.PickedUp)
		if j.Status != Succeeded {
			d.Status = j.Status
		}
	}
	if d.Status != Succeeded {
		return d, nil
	}
	return d, e.countSample(ctx, d)
}

// waitFor waits until all the jobs have ended and their results are with the factory's queue.
func (e *Engine) waitFor(ctx context.Context, events <-chan Event, runs []string) ([]Job, error) {
	ended := map[string]Job{}
	look := func(id string) error {
		j, err := e.Job(ctx, id)
		if err == nil && !j.Ended.IsZero() {
			ended[id] = j
		}
		if fault.Is(err, fault.NotFound) {
			return nil // not taken yet
		}
		return err
	}
	for {
		for _, id := range runs {
			if err := look(id); err != nil {
				return nil, err
			}
		}
		if len(ended) == len(runs) {
			jobs := make([]Job, len(runs))
			for i, id := range runs {
				jobs[i] = ended[id]
			}
			return jobs, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case _, ok := <-events:
			if !ok {
				return nil, fault.New(fault.NotRunning, "the engine has ended before the copy had")
			}
		}
	}
}

// countSample reads both files back and compares their rows with the source's.
func (e *Engine) countSample(ctx context.Context, d *DemoResult) error {
	counts := []*int64{&d.ParquetRows, &d.CSVRows}
	definitions := sampleDefinition("", d.Folder)
	for i, p := range samplePipelines {
		path := filepath.Join(d.Folder, p.file)
		d.Files = append(d.Files, path)
		f, err := e.sampleFormat(definitions["dataset/"+p.dataset])
		if err != nil {
			return err
		}
		if *counts[i], err = countRows(ctx, f, path); err != nil {
			return fmt.Errorf("count the rows of %s: %w", path, err)
		}
		if *counts[i] != d.SourceRows {
			return fault.New(fault.Internal, "%s holds %d rows, the source %d", path, *counts[i], d.SourceRows)
		}
	}
	return nil
}

// sampleFormat is the format of a dataset in v2 shape.
func (e *Engine) sampleFormat(dataset []byte) (format.Format, error) {
	root, err := props.Parse(dataset, "$")
	if err != nil {
		return nil, err
	}
	properties := root.Object("properties")
	definition := e.formats.Dataset(properties.String("type"))
	if definition == nil {
		return nil, fault.New(fault.Internal, "the sample's dataset has no format")
	}
	return definition.Decode(format.Spec{Dataset: properties.Object("typeProperties")}), nil
}

// countRows reads a file's first column to the end.
func countRows(ctx context.Context, f format.Format, path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	in := format.Input{Name: path, Size: info.Size(), Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if length < 0 {
			length = info.Size() - offset
		}
		return struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(file, offset, length), file}, nil
	}}
	schema, err := f.Schema(ctx, in)
	if err != nil {
		return 0, err
	}
	r, err := f.Read(ctx, in, schema[:1])
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var rows int64
	b := batch.New(r.Schema(), batch.ColumnarRows)
	for {
		b.Reset()
		err := r.Next(ctx, b)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows += int64(b.Len())
	}
}
