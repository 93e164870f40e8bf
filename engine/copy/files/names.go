package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// Names gives the files of one run their paths in the sink. They depend on the run, the partition and the source's path
// alone, so that what an attempt writes replaces what an earlier one wrote.
type Names struct {
	sink *activity.FileSink
	run  string
}

// NewNames makes the names of a run.
func NewNames(sink *activity.FileSink, run string) Names { return Names{sink, run} }

// runHalf is the half of a generated GUID that all files of the run have, with the hyphens of its form:
// "xxxxxxxx-xxxx-8xxx".
func (n Names) runHalf() string {
	h := sha256.Sum256([]byte(n.run))
	h[6] = h[6]&0x0f | 0x80 // version 8: the maker's own
	x := hex.EncodeToString(h[:8])
	return x[:8] + "-" + x[8:12] + "-" + x[12:]
}

// GUID is the generated one for a part of the run.
func (n Names) GUID(part string) string {
	h := sha256.Sum256([]byte(n.run + "\x00" + part))
	h[0] = h[0]&0x3f | 0x80 // RFC 9562's variant
	x := hex.EncodeToString(h[:8])
	return n.runHalf() + "-" + x[:4] + "-" + x[4:]
}

// generated begins every name that is generated in this run.
func (n Names) generated() string { return "Data." + n.runHalf() + "-" }

// Generated is a name like Data.<guid>.txt in the sink's folder, or the name that the job gives.
func (n Names) Generated(part, extension string) string {
	name := n.sink.Name
	if name == "" {
		name = "Data." + n.GUID(part) + extension
	}
	return Join(n.sink.Folder, name)
}

// RemoveStale deletes the files with generated names that attempts with another plan have left of this run.
func (n Names) RemoveStale(ctx context.Context, files store.Files) error {
	var stale []string
	err := files.List(ctx, n.sink.Folder, false, func(f store.File) error {
		if strings.HasPrefix(path.Base(f.Path), n.generated()) {
			stale = append(stale, f.Path)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, p := range stale {
		if err := files.Remove(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Preserved is the path in the sink of a file at the path rel below the source's folder.
func (n Names) Preserved(rel string) string { return Join(n.sink.Folder, rel) }

// numbered puts the number of a file before the extension: a_00001.csv.
func numbered(p string, number int, extension string) string {
	dir, name := path.Split(p)
	stem, ok := strings.CutSuffix(name, extension)
	if !ok || stem == "" {
		stem, extension = splitExtension(name)
	}
	return fmt.Sprintf("%s%s_%05d%s", dir, stem, number, extension)
}

// splitExtension divides a file's name before its last dot; a name that begins with its only dot has no extension.
func splitExtension(name string) (stem, extension string) {
	extension = path.Ext(name)
	stem = strings.TrimSuffix(name, extension)
	if stem == "" {
		return name, ""
	}
	return stem, extension
}

// Targets gives every source path one path in the sink, and refuses two that meet.
type Targets struct {
	taken map[string]string // target to source
}

// Take notes that the file from goes to the path to.
func (t *Targets) Take(to, from string) error {
	if t.taken == nil {
		t.taken = map[string]string{}
	}
	if other, ok := t.taken[to]; ok {
		return fault.New(fault.Conflict, "the files %s and %s would both become one", other, from).At(to).
			Try("Use copyBehavior MergeFiles or FlattenHierarchy, or remove fileName from the sink's dataset.")
	}
	t.taken[to] = from
	return nil
}
