package factory

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

// feedFile matches the files of a feed; nothing else in its folder is served.
var feedFile = regexp.MustCompile(`^(metadata/([0-9]+\.)?[a-z]+\.json|targets/[0-9a-f]{64}\.[A-Za-z0-9][A-Za-z0-9._+-]*)$`)

// checkFeed tells early that a folder is no feed.
func checkFeed(dir string) error {
	if dir == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "metadata", "timestamp.json")); err != nil {
		return fault.New(fault.BadInput, "there is no update feed in %s", dir).Because(err).
			Try("Give --feed the folder that has metadata and targets in it.")
	}
	return nil
}

// updates serves the feed of updates, to everybody: it holds no secret, and whoever reads it checks its signatures.
func (f *Factory) updates(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, protocol.PathUpdates)
	none := fault.New(fault.NotFound, "the update feed has no such file").At(r.URL.Path)
	if f.o.Feed == "" {
		return fault.New(fault.NotFound, "this factory has no update feed").Try("Start it with --feed, or name another feed in the setting updatefeed.")
	}
	if !feedFile.MatchString(name) {
		return none
	}
	dir, err := os.OpenRoot(f.o.Feed) // symbolic links do not lead out of it
	if err != nil {
		return fault.New(fault.Internal, "open the update feed").Because(err)
	}
	defer dir.Close()
	file, err := dir.Open(filepath.FromSlash(name))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			f.o.Log.Warn("read the update feed", logging.Key, logging.FeedFailed, "file", name, "error", err)
		}
		return none
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return none
	}
	if name == "metadata/timestamp.json" {
		w.Header().Set("Cache-Control", "no-cache")
	} else {
		w.Header().Set("Cache-Control", "public, max-age=86400, immutable") // numbered, or named by its hash
	}
	if strings.HasPrefix(name, "targets/") {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	http.ServeContent(steady{w, http.NewResponseController(w)}, r, path.Base(name), info.ModTime(), file)
	return nil
}

// steady gives every piece of an answer the time that a whole one has otherwise, so that a long one can go over a slow line.
type steady struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (s steady) Write(p []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(requestTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return s.ResponseWriter.Write(p)
}
