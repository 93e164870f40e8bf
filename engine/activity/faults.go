package activity

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// Skip is the job's leave to go on without rows that do not fit (enableSkipIncompatibleRow), with limits of our own
// (skipLimits).
type Skip struct {
	MaxRows  int64   // the most rows that may be skipped, -1 = any number
	MaxShare float64 // the largest part of the rows read, from 0 to 1; 1 = any
}

// SessionLog is where a run writes down what it skipped.
type SessionLog struct {
	Open store.OpenFiles
	// Folder is the path that the job gives; the run's own folders come below it.
	Folder string
	// Legacy is the shape that belongs to redirectIncompatibleRowSettings: a row's values, then code and message. Else
	// the columns are Timestamp, Level, OperationName, OperationItem and Message.
	Legacy bool
	// Info also wants files that were copied (logLevel Info), beside what was skipped.
	Info bool
}

// Verification is what is compared once everything is copied. Rows are always counted on both sides.
type Verification struct {
	// Required is validateDataConsistency: the job wants to know that the counts, and a file's size and hash, agree.
	Required bool
	// Checksum reads the sink back and compares the content of all rows (verification: "checksum").
	Checksum bool
	// Keys are the sink's columns by which differing rows are named; nil where the job does not say.
	Keys []string
	// Upsert is true where rows replace others with the same key, so that the sink may hold fewer than were copied.
	Upsert bool
	// Open reads the sink's table back, Files its files; both are nil where the sink cannot be read or Checksum is false.
	Open  store.OpenSource
	Files *FileSource
}

// Option is what whoever runs a bundle wants beyond what it says.
type Option func(*Job)

// Compared has the content of the sink compared, whatever the bundle's verification says.
func Compared() Option { return func(j *Job) { j.Verification.Checksum = true } }

// faults reads what the job says of rows that do not fit, of the log of what was skipped, and of comparing.
func (p *parser) faults(tp *props.Object) {
	skip := tp.Bool("enableSkipIncompatibleRow", false)
	limits := tp.Object("skipLimits")
	if skip {
		p.job.Skip = &Skip{MaxRows: limits.IntIn("maxRows", -1, 0, 1<<62), MaxShare: share(limits, "maxShare")}
	} else if limits != nil {
		tp.Warn("skipLimits", "has no effect because enableSkipIncompatibleRow is not true")
		limits.IgnoreAll()
	}
	p.job.SessionLog = p.sessionLog(tp, skip)
	p.verification(tp)
}

// share reads a number from 0 to 1, 1 where absent.
func share(o *props.Object, name string) float64 {
	if !o.Has(name) {
		return 1
	}
	text := o.String(name)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		o.Problem(fault.BadInput, name, "%q is no number from 0 to 1", text)
		return 1
	}
	return f
}

// sessionLog finds the log in any of its three spellings: logSettings, logStorageSettings before it, and
// redirectIncompatibleRowSettings of v1 and early v2.
func (p *parser) sessionLog(tp *props.Object, skip bool) *SessionLog {
	var log *SessionLog
	if o := tp.Object("logSettings"); o != nil {
		settings := o.Object("copyActivityLogSettings")
		level := settings.Enum("logLevel", "Warning", "Warning", "Info")
		settings.Bool("enableReliableLogging", false) // what was skipped is always written before it counts
		switch {
		case o.Bool("enableCopyActivityLog", false):
			log = p.logLocation(need(o, "logLocationSettings"), level == "Info")
		default:
			o.Object("logLocationSettings").IgnoreAll()
			o.Ignore("logLocationSettings")
		}
	}
	if o := tp.Object("logStorageSettings"); o != nil {
		level := o.Enum("logLevel", "Warning", "Warning", "Info")
		o.Bool("enableReliableLogging", false)
		if log == nil {
			log = p.logLocation(o, level == "Info")
		} else {
			tp.Warn("logStorageSettings", "has no effect beside logSettings")
			o.IgnoreAll()
		}
	}
	o := tp.Object("redirectIncompatibleRowSettings")
	switch {
	case o == nil:
	case !skip:
		tp.Warn("redirectIncompatibleRowSettings", "has no effect because enableSkipIncompatibleRow is not true")
		o.IgnoreAll()
	case log != nil:
		tp.Warn("redirectIncompatibleRowSettings", "has no effect beside the session log")
		o.IgnoreAll()
	default:
		if log = p.logLocation(o, false); log != nil {
			log.Legacy = true
		}
	}
	return log
}

// logLocation reads {linkedServiceName, path}; nil where that fails, which is reported.
func (p *parser) logLocation(o *props.Object, info bool) *SessionLog {
	if o == nil {
		return nil
	}
	folder := slashed(o.String("path"))
	below(o, "path", folder)
	linked := p.linkedOf(o)
	if linked == nil {
		return nil
	}
	p.used[linked] = true
	linked.Ignore("id", "name", "type", "etag", "$schema")
	e := &endpoint{}
	if !p.service(e, linked) {
		return nil
	}
	if e.def.Files == nil {
		o.Problem(fault.Unsupported, "linkedServiceName", "files are written there, and %s holds none; name a linked service of a file store", e.def.Title)
		e.linked.IgnoreAll()
		return nil
	}
	if folder == "" && e.def.Files.Container != "" {
		o.Problem(fault.BadInput, "path", "the property is missing: container, or container/folder")
	}
	return &SessionLog{Open: e.def.Files.Open(e.linked), Folder: folder, Info: info}
}

// verification reads validateDataConsistency and our own property "verification": "counts" or "checksum", or an object
// {"mode": …, "keys": […]}.
func (p *parser) verification(tp *props.Object) {
	v := &p.job.Verification
	v.Required = tp.Bool("validateDataConsistency", false)
	if raw := tp.Peek("verification"); len(raw) > 0 && raw[0] == '{' {
		o := tp.Object("verification")
		v.Checksum = o.Enum("mode", "checksum", "counts", "checksum") == "checksum" || v.Checksum
		v.Keys = o.Strings("keys")
		return
	}
	v.Checksum = tp.Enum("verification", "counts", "counts", "checksum") == "checksum" || v.Checksum
}

// readBack decodes the sink a second time, as a source, where its content is to be compared after the copy.
func (p *parser) readBack(tp *props.Object, e *endpoint, o *props.Object) {
	v := &p.job.Verification
	if f := p.job.Sink.Files; f != nil && f.Format == nil && p.job.Skip != nil {
		tp.Warn("enableSkipIncompatibleRow", "has no effect: files that are copied as they are have no rows")
	}
	if !v.Checksum {
		return
	}
	v.Upsert = strings.EqualFold(strings.Trim(string(o.Peek("writeBehavior")), `"`), "upsert")
	if len(v.Keys) == 0 {
		v.Keys = upsertKeys(o)
	}
	if f := p.job.Sink.Files; f != nil {
		if f.Format != nil {
			v.Files = &FileSource{Open: f.Open, Format: f.Format, FormatName: f.FormatName, Compression: f.Compression}
		}
		return
	}
	if e.def.Source == nil || p.job.Sink.Open == nil {
		return
	}
	empty, err := props.Parse([]byte(`{}`), o.Path())
	if err != nil {
		return
	}
	v.Open = e.def.Source(store.Spec{LinkedService: e.linked, Dataset: e.typeProps, Activity: empty})
}

// upsertKeys looks at a sink's upsertSettings without counting as reading them.
func upsertKeys(sink *props.Object) []string {
	raw := sink.Peek("upsertSettings")
	if len(raw) == 0 {
		return nil
	}
	var settings map[string]json.RawMessage
	if json.Unmarshal(raw, &settings) != nil {
		return nil
	}
	for name, value := range settings {
		var keys []string
		if strings.EqualFold(name, "keys") && bytes.HasPrefix(value, []byte("[")) && json.Unmarshal(value, &keys) == nil {
			return keys
		}
	}
	return nil
}
