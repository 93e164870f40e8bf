package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dmgateway/engine/logging"
)

// JSON is a part made of a value.
func JSON(name, about string, value any) Source {
	data, err := json.MarshalIndent(value, "", "  ")
	return Source{Name: name, About: about, Bytes: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), err
	}}
}

// Text is a part made of a text.
func Text(name, about string, data []byte) Source {
	return Source{Name: name, About: about, Bytes: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// File is a part that lies in a file.
func File(name, about, path string) Source {
	s := Source{Name: name, About: about, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	if info, err := os.Stat(path); err == nil {
		s.Bytes = info.Size()
	}
	return s
}

// Logs are the files of a folder of logs that were written since a time: the gateway's log, those of runs, crashes. left
// names what cannot be listed.
func Logs(dir string, since time.Time) (list []Source, left []string) {
	list, left = logs(dir, "", "the gateway's log", since, func(name string) bool {
		return name == logging.Current || strings.HasPrefix(name, "gateway-") && !strings.HasSuffix(name, ".tmp")
	})
	jobs, notJobs := logs(filepath.Join(dir, logging.JobsFolder), "jobs", "the log of one run", since, func(name string) bool {
		return strings.HasSuffix(name, ".log")
	})
	list, left = append(list, jobs...), append(left, notJobs...)
	for _, file := range logging.Crashes(dir) {
		if info, err := os.Stat(file); err == nil && !info.ModTime().Before(since) {
			list = append(list, File("logs/"+filepath.Base(file), "what the program said when it crashed", file))
		}
	}
	return list, left
}

func logs(dir, below, about string, since time.Time, wanted func(name string) bool) (list []Source, left []string) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []string{"logs/" + below + ": " + err.Error()}
	}
	for _, e := range entries {
		if !wanted(e.Name()) {
			continue
		}
		file := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.ModTime().Before(since) {
			continue
		}
		name := "logs/" + e.Name()
		if below != "" {
			name = "logs/" + below + "/" + e.Name()
		}
		list = append(list, Source{
			Name: strings.TrimSuffix(name, ".gz"), About: about, Bytes: sizeOf(file, info.Size()), Lines: true,
			Open: func() (io.ReadCloser, error) { return logging.OpenLog(file) },
		})
	}
	return list, left
}

// sizeOf is how large a log is when it is unpacked, which a gzip file says at its end.
func sizeOf(file string, size int64) int64 {
	if !strings.HasSuffix(file, ".gz") {
		return size
	}
	f, err := os.Open(file)
	if err != nil {
		return size
	}
	defer f.Close()
	last := make([]byte, 4)
	if _, err := f.ReadAt(last, size-4); err != nil {
		return size
	}
	n := int64(last[0]) | int64(last[1])<<8 | int64(last[2])<<16 | int64(last[3])<<24
	if n > 1000*size { // a damaged file says anything
		return size
	}
	return max(n, size)
}
