package copy

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"path"
	"sync"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// unpacks reports whether the source's files are archives whose files get names of their own in the sink.
func (w *binaryWork) unpacks() bool {
	from, to := w.run.job.Source.Files, w.run.job.Sink.Files
	return compression.IsArchive(from.Compression) && from.Compression != to.Compression && to.Name == "" && !w.merges()
}

// unpack copies the files in an archive, each to a file of its own. They appear one by one; the archive is what is
// counted, tried again and checkpointed, and a file that is written again replaces itself.
func (w *binaryWork) unpack(ctx context.Context, part files.Part, f store.File, t *tally, c *PartitionCounts, log *partLog) (err error) {
	need := min(w.run.o.Memory, largeNeed)
	if err := w.memory.Acquire(ctx, need); err != nil {
		return err
	}
	defer w.memory.Release(need)
	a, err := files.OpenArchive(ctx, w.from, f, w.run.job.Source.Files.Compression, func(n int) { t.read(0, int64(n)) })
	if err != nil {
		return ofSource(err)
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	buf := make([]byte, smallCopy)
	n := 0
	for ; ; n++ {
		name, err := a.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return started(ofSource(err), n)
		}
		to := w.memberPath(part, f, name)
		if err := w.takes(to, f.Path); err != nil {
			return err
		}
		if err := w.member(ctx, a, f, to, buf, t); err != nil {
			return started(err, n)
		}
		c.FilesWritten++
		if len(c.Files) < maxFiles {
			c.Files = append(c.Files, to)
		}
		if err := log.copiedFile("FileWrite", f.Path+"/"+name, "copied to "+to); err != nil {
			return err
		}
	}
	w.tellPassed(f, a, n)
	return w.unchanged(ctx, oneFile(f))
}

// started hides, once files of an archive are in the sink, what would let the archive be left out.
func started(err error, files int) error {
	if files == 0 || err == nil {
		return err
	}
	return partlyUnpackedError{err}
}

// partlyUnpackedError is an error in an archive of which files are in the sink already.
type partlyUnpackedError struct{ error }

// Unwrap gives the error itself.
func (e partlyUnpackedError) Unwrap() error { return e.error }

// member copies the file at which the archive stands.
func (w *binaryWork) member(ctx context.Context, a *files.Archive, f store.File, to string, buf []byte, t *tally) (err error) {
	size := a.Size()
	if size < 0 {
		size = smallFile + 1
	}
	out, err := w.create(ctx, series{count: 1, size: size, latest: f.Modified}, to, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Abort()) }()
	c, err := files.NewCompressor(w.run.job.Sink.Files, to, out)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(onlyWriter{c}, sourceReader{contextReader{ctx, a}}, buf)
	if err := errors.Join(err, c.Close()); err != nil {
		return err
	}
	return w.commitFile(ctx, to, out, t)
}

// allMembers pours the files in an archive into one.
func (w *binaryWork) allMembers(ctx context.Context, f store.File, to io.Writer, t *tally) (err error) {
	a, err := files.OpenArchive(ctx, w.from, f, w.run.job.Source.Files.Compression, func(n int) { t.read(0, int64(n)) })
	if err != nil {
		return ofSource(err)
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	buf := make([]byte, smallCopy)
	for n := 0; ; n++ {
		if _, err := a.Next(); errors.Is(err, io.EOF) {
			w.tellPassed(f, a, n)
			return nil
		} else if err != nil {
			return ofSource(err)
		}
		if _, err := io.CopyBuffer(onlyWriter{to}, sourceReader{contextReader{ctx, a}}, buf); err != nil {
			return err
		}
	}
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context // of the copying of one file
	io.Reader
}

// Read reads.
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// memberPath is the path in the sink of a file in an archive: below a folder that is called like the archive unless the
// job says otherwise.
func (w *binaryWork) memberPath(part files.Part, f store.File, name string) string {
	sink := w.run.job.Sink.Files
	extension := compression.Extension(sink.Compression)
	if sink.Behavior == activity.FlattenHierarchy {
		return w.names.Generated(f.Path+"\x00"+name, path.Ext(name)+extension)
	}
	return files.Join(w.archiveFolder(part, f), name) + extension
}

// archiveFolder is the folder in the sink that an archive is unpacked into.
func (w *binaryWork) archiveFolder(part files.Part, f store.File) string {
	rel := files.Below(f.Path, part.Base)
	if w.run.job.Source.Files.Spread {
		rel, _ = path.Split(rel)
		rel = path.Clean("/" + rel)[1:]
	}
	return w.names.Preserved(rel)
}

// tellPassed warns of what is in an archive and no file.
func (w *binaryWork) tellPassed(f store.File, a *files.Archive, found int) {
	if n, names := a.Passed(); n > 0 {
		w.run.warnLater("%d links and devices in the archive %q were not copied: %q", n, f.Path, names)
	}
	if found == 0 {
		w.run.warnLater("The archive %q holds no file.", f.Path)
	}
}

// takes notes that an archive has a file for a path in the sink, and refuses one that another archive had. Where that are
// very many it looks at the first ones only.
func (w *binaryWork) takes(to, archive string) error {
	if !w.run.job.Source.Files.Spread {
		return nil // their folders differ
	}
	return w.taken.take(to, archive)
}

// owners knows which archive each path comes from.
type owners struct {
	mu   sync.Mutex
	seed maphash.Seed
	by   map[uint64]uint64
}

const maxOwned = 1_000_000

func (o *owners) take(to, archive string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil {
		o.seed, o.by = maphash.MakeSeed(), map[uint64]uint64{}
	}
	key, owner := maphash.String(o.seed, to), maphash.String(o.seed, archive)
	other, ok := o.by[key]
	if ok && other != owner {
		return fault.New(fault.Conflict, "two archives hold a file that would become this one; the second is %s", archive).At(to).
			Try("Keep the archives' names as folders: remove preserveZipFileNameAsFolder or preserveCompressionFileNameAsFolder.")
	}
	if len(o.by) < maxOwned {
		o.by[key] = owner
	}
	return nil
}
