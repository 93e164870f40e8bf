package engine

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"

	"dmgateway/engine/credential"
	"dmgateway/engine/diagnostics/archive"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/secret"
)

// logsFor is how far back Send logs and Archive logs go.
const logsFor = 7 * 24 * time.Hour

// maxLook is how much of one part a person is shown.
const maxLook = 1 << 20

// NetworkReportFile is where the last check of the network lies in a data directory, for reports; it can be missing.
const NetworkReportFile = "network.json"

// logSources are everything that a report holds, with what could not be read.
func (e *Engine) logSources(ctx context.Context) (list []archive.Source, left []string, since time.Time) {
	since = time.Now().UTC().Add(-logsFor)
	list, left = archive.Logs(filepath.Join(e.data, logging.Folder), since)
	settings, err := e.Settings(ctx)
	if err == nil {
		list = append(list, archive.JSON("settings.json", "the settings; secrets are not among them", settings))
	} else {
		left = append(left, "settings.json: "+err.Error())
	}
	jobs, err := e.Jobs(ctx, 0)
	if err == nil {
		list = append(list, archive.JSON("jobs.json", "the last jobs with their results", jobs))
	} else {
		left = append(left, "jobs.json: "+err.Error())
	}
	stacks := make([]byte, 4<<20)
	list = append(list,
		archive.JSON("status.json", "the gateway's state", e.status()),
		certificatePart(e.certificate()),
		archive.Text("stacks.txt", "what the program is doing at this moment", stacks[:runtime.Stack(stacks, true)]),
	)
	return append(list, machineSources(e.data, e.o.Version)...), left, since
}

// dataSources are the same of a data directory with which no engine runs, as far as they can be read. Nothing is changed.
func dataSources(ctx context.Context, data string) (list []archive.Source, left []string, since time.Time) {
	since = time.Now().UTC().Add(-logsFor)
	list, left = archive.Logs(filepath.Join(data, logging.Folder), since)
	left = append(left, "status.json, stacks.txt: no gateway runs with this data directory")
	add := func(name string, part func() ([]archive.Source, error)) {
		sources, err := safely(part)
		list = append(list, sources...)
		if err != nil {
			left = append(left, name+": "+secret.Redact(err.Error()))
		}
	}
	add("settings.json, jobs.json", func() ([]archive.Source, error) { return journalSources(ctx, filepath.Join(data, journalFile)) })
	add("certificate.pem", func() ([]archive.Source, error) { return vaultSources(data) })
	return append(list, machineSources(data, Version().Version)...), left, since
}

// safely turns a panic over damaged data into an error.
func safely(part func() ([]archive.Source, error)) (list []archive.Source, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "a defect of the program: %v", p)
		}
	}()
	return part()
}

func journalSources(ctx context.Context, path string) ([]archive.Source, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	j, err := journal.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	e := &Engine{journal: j, settings: map[string]string{}}
	if err := e.loadSettings(ctx); err != nil {
		return nil, err
	}
	settings, err := e.Settings(ctx)
	if err != nil {
		return nil, err
	}
	list := []archive.Source{archive.JSON("settings.json", "the settings; secrets are not among them", settings)}
	jobs, err := e.Jobs(ctx, 0)
	if err == nil {
		list = append(list, archive.JSON("jobs.json", "the last jobs with their results", jobs))
	}
	return list, err
}

func vaultSources(data string) ([]archive.Source, error) {
	if _, err := os.Stat(filepath.Join(data, vaultFile)); err != nil {
		return nil, err
	}
	vault, err := credential.OpenVault(data, nil)
	if err != nil {
		return nil, err
	}
	c, err := credential.LoadCertificate(vault, hostName())
	if err != nil {
		return nil, err
	}
	return []archive.Source{certificatePart(c)}, nil
}

func certificatePart(c *credential.Certificate) archive.Source {
	return archive.Text("certificate.pem", "the gateway's certificate, without its private key", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Leaf.Raw}))
}

// machineSources are the program, the machine, and the last check of the network.
func machineSources(data, version string) []archive.Source {
	facts := map[string]any{"version": version, "program": Version(), "data": data, "time": time.Now(), "cores": runtime.NumCPU(), "user": os.Getuid()}
	if h, err := host.Info(); err == nil {
		facts["machine"] = map[string]any{
			"name": h.Hostname, "started": time.Unix(int64(h.BootTime), 0), "platform": h.Platform, "platformVersion": h.PlatformVersion, "kernel": h.KernelVersion, "virtual": h.VirtualizationSystem,
		}
	}
	if m, err := mem.VirtualMemory(); err == nil {
		facts["memory"] = map[string]any{"total": m.Total, "available": m.Available}
	}
	if d, err := disk.Usage(data); err == nil {
		facts["disk"] = map[string]any{"total": d.Total, "free": d.Free, "type": d.Fstype}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		modules := map[string]string{}
		for _, m := range info.Deps {
			modules[m.Path] = m.Version
		}
		facts["modules"] = modules
	}
	list := []archive.Source{archive.JSON("machine.json", "the program and the machine: version, system, memory, disk", facts)}
	if _, err := os.Stat(filepath.Join(data, NetworkReportFile)); err == nil {
		list = append(list, archive.File(NetworkReportFile, "the last check of the network", filepath.Join(data, NetworkReportFile)))
	}
	return list
}

// keepNetworkReport keeps the last check of the network for reports; one that cannot be kept is only missing there.
func (e *Engine) keepNetworkReport(r NetworkReport) {
	if data, err := json.MarshalIndent(r, "", "  "); err == nil {
		_ = os.WriteFile(filepath.Join(e.data, NetworkReportFile), data, 0o600)
	}
}

// LogContents says what Send logs would send.
func (e *Engine) LogContents(ctx context.Context) (LogContents, error) {
	return archive.List(e.logSources(ctx)), nil
}

// LogPart gives one of those files as it would be sent, at most 1 MiB of it.
func (e *Engine) LogPart(ctx context.Context, name string) ([]byte, error) {
	list, _, since := e.logSources(ctx)
	for _, s := range list {
		if s.Name == name {
			return archive.Look(ctx, s, since, maxLook)
		}
	}
	return nil, fault.New(fault.NotFound, "there is no file %q among the logs", name).At(name).Try("List the contents to see the names.")
}

// ArchiveLogs writes the logs to a zip file that does not exist yet.
func (e *Engine) ArchiveLogs(ctx context.Context, file string, progress func(LogProgress)) (LogContents, error) {
	c, err := archiveTo(file, func(w io.Writer) (LogContents, error) { return e.packLogs(ctx, w, progress) })
	if err == nil {
		e.log.Info("logs archived", logging.Key, logging.LogsArchived, "file", file, "bytes", c.Bytes)
	}
	return c, err
}

// packLogs writes an archive to w.
func (e *Engine) packLogs(ctx context.Context, w io.Writer, progress func(LogProgress)) (LogContents, error) {
	list, left, since := e.logSources(ctx)
	return archive.Pack(ctx, w, list, left, since, packing(progress))
}

func packing(progress func(LogProgress)) func(done, total int64) {
	if progress == nil {
		return nil
	}
	var last time.Time
	return func(done, total int64) {
		if now := time.Now(); done == total || now.Sub(last) > 100*time.Millisecond {
			last = now
			progress(LogProgress{Doing: "Packing", Done: done, Total: total})
		}
	}
}

// ArchiveLogs writes the logs of a data directory ("" = the default one) to a zip file that does not exist yet, without
// an engine: also where none can start because the vault or the journal cannot be read.
func ArchiveLogs(ctx context.Context, data, file string, progress func(LogProgress)) (LogContents, error) {
	data, err := resolveData(data)
	if err != nil {
		return LogContents{}, err
	}
	if info, err := os.Stat(data); err != nil || !info.IsDir() {
		return LogContents{}, fault.New(fault.NotFound, "there is no data directory %s", data).At(data).Because(err).
			Try("Name the gateway's data directory with --data.")
	}
	return archiveTo(file, func(w io.Writer) (LogContents, error) {
		list, left, since := dataSources(ctx, data)
		return archive.Pack(ctx, w, list, left, since, packing(progress))
	})
}

// archiveTo makes a file and lets pack fill it. A file that could not be filled is removed.
func archiveTo(file string, pack func(io.Writer) (LogContents, error)) (LogContents, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return LogContents{}, fault.New(fault.BadInput, "the file cannot be used").At(file).Because(err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return LogContents{}, fault.New(fault.Conflict, "the file %s exists already", file).At(file).Try("Give another name: nothing is overwritten.")
	case err != nil:
		return LogContents{}, fault.New(fault.Forbidden, "make the file %s", file).At(file).Because(err).Try("Choose a folder that exists and that you may write to.")
	}
	c, err := pack(f)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, os.Remove(file))
		if _, known := errors.AsType[*fault.Error](err); known {
			return LogContents{}, err
		}
		return LogContents{}, fault.New(fault.DiskFull, "write the file %s", file).At(file).Because(err).Try("Make room there, or choose another disk.")
	}
	c.File = file
	return c, nil
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
