package browser

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

type diagnostics struct {
	Tools  []tool
	Fields []view.Field
	Text   string // the fields for the clipboard
}

// tool is one of the pages that Diagnostics leads to.
type tool struct{ Path, Icon, Title, About string }

func (s *Server) diagnosticsPage(_ *http.Request, now view.Snapshot, _ bool) any {
	v := diagnostics{Fields: view.ConnectionFields(now, s.o.Now()), Tools: []tool{
		{"/diagnostics/log", "text", words.T("Log"), words.T("What the gateway does, as it happens, and what it did: by level, part, job and words.")},
		{"/diagnostics/network", "network", words.T("Check network"), words.T("Every host and port that is needed: name, connection, proxy, encryption, sign-in, clock.")},
		{"/diagnostics/connection", "plug", words.T("Test connection"), words.T("To a data store, step by step, with the fields of its type or the JSON of a linked service.")},
		{"/diagnostics/send", "send", words.T("Send logs"), words.T("To the data factory, after you have seen what is sent. You get a report ID for whoever helps you.")},
		{"/diagnostics/archive", "archive", words.T("Archive logs"), words.T("Into a zip file on this computer. Works without a registration, too.")},
	}}
	if s.o.Data != "" {
		v.Fields = append(v.Fields, view.Field{Name: words.T("Data directory"), Value: s.o.Data})
	}
	v.Text = fieldsText(v.Fields)
	return v
}

func fieldsText(fields []view.Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.String()
}

type network struct {
	view.NetworkView
	Text string // the report for the clipboard, "" before there is one
}

func (s *Server) networkPage(_ *http.Request, _ view.Snapshot, opened bool) any {
	v := network{NetworkView: s.network.Snapshot()}
	if opened && !v.Busy && v.Verdict == "" {
		s.network.Run()
		v.NetworkView = s.network.Snapshot()
	}
	v.Text = s.network.Text()
	return v
}

func (s *Server) downloadNetwork(w http.ResponseWriter, r *http.Request) {
	if s.network.Text() == "" {
		http.NotFound(w, r)
		return
	}
	attach(w, filepath.Base(view.NetworkFile(s.o.Now())), "text/html; charset=utf-8")
	_ = s.network.HTML(w) // a browser that went away
}

type send struct {
	view.ReportView
	LeftText string
}

func (s *Server) sendPage(_ *http.Request, _ view.Snapshot, opened bool) any {
	if opened {
		s.report.List()
	}
	v := send{ReportView: s.report.Snapshot()}
	v.LeftText = leftText(v.Left)
	return v
}

func leftText(left []string) string {
	if len(left) == 0 {
		return ""
	}
	return words.T("Cannot be read: %s", strings.Join(left, "; "))
}

// reportPart shows one part of a report as it would be sent.
func (s *Server) reportPart(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if !slices.ContainsFunc(s.report.Snapshot().Parts, func(p view.PartView) bool { return p.Name == name }) {
		http.NotFound(w, r)
		return
	}
	s.part.Lock()
	defer s.part.Unlock()
	changed, stop := s.report.Watch()
	defer stop()
	s.report.Look(name)
	defer s.report.Back()
	for {
		v := s.report.Snapshot()
		switch {
		case v.Looking == name && !v.Fetching:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(cmp.Or(v.Text, words.T("This file is empty."))))
			return
		case v.Looking != name && v.Problem != nil:
			http.Error(w, v.Problem.Text, http.StatusBadGateway)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

type archive struct {
	view.ArchiveView
	Ready    bool // it can be downloaded
	LeftText string
}

func (s *Server) archivePage(*http.Request, view.Snapshot, bool) any {
	v := archive{ArchiveView: s.archive.Snapshot()}
	v.LeftText = leftText(v.Left)
	if v.File != "" {
		_, err := os.Stat(v.File)
		v.Ready = err == nil
	}
	return v
}

// makeArchive writes an archive into a folder that only this user can read, from where the browser takes it.
func (s *Server) makeArchive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folder == "" {
		folder, err := os.MkdirTemp("", "dmgateway-archive-")
		if err != nil {
			folder = filepath.Join(os.TempDir(), "dmgateway-archive") // is not made: saving says what is wrong
		}
		s.folder = folder
	}
	if old := s.archive.Snapshot(); old.File != "" && !old.Busy {
		_ = os.Remove(old.File) // it may have been downloaded
	}
	s.archive.Save(filepath.Join(s.folder, filepath.Base(view.ArchiveFile(s.o.Now()))))
}

func (s *Server) downloadArchive(w http.ResponseWriter, r *http.Request) {
	file := s.archive.Snapshot().File
	f, err := os.Open(file)
	if file == "" || err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	attach(w, filepath.Base(file), "application/zip")
	if info, err := f.Stat(); err == nil {
		http.ServeContent(w, r, "", info.ModTime(), f)
	}
}

// openFolder opens a folder of this computer that the page itself has named: the sample's, that of the logs, or that of
// what a job skipped.
func (s *Server) openFolder(what, id string) {
	now := s.o.Model.Snapshot()
	folder := ""
	switch what {
	case "sample":
		if now.Sample != nil {
			folder = now.Sample.Folder
		}
	case "logs":
		folder = filepath.Dir(s.o.Log)
	case "skipped":
		if d, ok := now.Detail(id, s.o.Now()); ok && isFolder(d.LogFolder) {
			folder = d.LogFolder
		}
	}
	if folder != "" {
		go func() { _ = s.o.Open(folder) }() // the page shows the path too
	}
}

func isFolder(path string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
