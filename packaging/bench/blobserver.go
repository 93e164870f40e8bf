package main

import (
	"bufio"
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// blobServer is an endpoint of the blob service that keeps no bytes: what is uploaded is counted, what is downloaded is
// made up. With it the clients are measured, not the emulator, which is slower than all of them. The blob down.bin is
// always there.
type blobServer struct {
	filler []byte

	mu     sync.Mutex
	sizes  map[string]int64            // of committed blobs, by path
	blocks map[string]map[string]int64 // of uncommitted blocks, by path and ID
}

const fillerSize = 4 << 20

// blobServerProcess serves until its input ends. It is a process of its own because what a parent weighs counts as the
// peak of its children.
func blobServerProcess(size int64) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &blobServer{filler: make([]byte, 2*fillerSize), sizes: map[string]int64{"/account/bench/down.bin": size}, blocks: map[string]map[string]int64{}}
	if _, err := rand.Read(s.filler[:fillerSize]); err != nil {
		return err
	}
	copy(s.filler[fillerSize:], s.filler)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("http://" + l.Addr().String() + "/account")
	return (&http.Server{Handler: s, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// startBlobServer starts the endpoint and gives its address; it ends when its input is closed.
func startBlobServer(self string, size int64) (address string, input io.Closer, err error) {
	cmd := exec.Command(self, "blob-server", strconv.FormatInt(size, 10), "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), in, err
}

// ServeHTTP answers what azblob, azcopy and rclone ask while they copy.
func (s *blobServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	h := w.Header()
	h.Set("x-ms-version", "2021-12-02")
	h.Set("ETag", `"0x8D1"`)
	h.Set("Last-Modified", "Mon, 02 Nov 2026 00:00:00 GMT")
	switch {
	case q.Get("restype") == "container" && q.Get("comp") == "list":
		s.list(w, q.Get("prefix"))
	case q.Get("restype") == "container" && r.Method == http.MethodPut:
		w.WriteHeader(http.StatusCreated)
	case q.Get("restype") != "":
	case r.Method == http.MethodPut:
		s.put(r.URL.Path, q.Get("comp"), q.Get("blockid"), r.Body)
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusAccepted)
	case q.Get("comp") == "blocklist":
		h.Set("x-ms-error-code", "BlobNotFound")
		w.WriteHeader(http.StatusNotFound)
	default:
		s.get(w, r)
	}
}

func (s *blobServer) put(path, comp, block string, body io.Reader) {
	if comp == "blocklist" {
		var list struct{ Latest, Uncommitted []string }
		_ = xml.NewDecoder(body).Decode(&list) // a wrong list gives a wrong size, which the client's check finds
		s.mu.Lock()
		defer s.mu.Unlock()
		var size int64
		for _, id := range append(list.Latest, list.Uncommitted...) {
			size += s.blocks[path][id]
		}
		delete(s.blocks, path)
		s.sizes[path] = size
		return
	}
	n, _ := io.Copy(io.Discard, body)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch comp {
	case "block":
		if s.blocks[path] == nil {
			s.blocks[path] = map[string]int64{}
		}
		s.blocks[path][block] = n
	case "":
		s.sizes[path] = n
	}
}

func (s *blobServer) size(path string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.sizes[path]
	return n, ok
}

func (s *blobServer) get(w http.ResponseWriter, r *http.Request) {
	size, ok := s.size(r.URL.Path)
	h := w.Header()
	if !ok {
		h.Set("x-ms-error-code", "BlobNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h.Set("x-ms-blob-type", "BlockBlob")
	h.Set("Accept-Ranges", "bytes")
	from, to, status := int64(0), size-1, http.StatusOK
	spec := r.Header.Get("x-ms-range")
	if spec == "" {
		spec = r.Header.Get("Range")
	}
	if first, last, found := strings.Cut(strings.TrimPrefix(spec, "bytes="), "-"); found {
		status = http.StatusPartialContent
		from, _ = strconv.ParseInt(first, 10, 64)
		if n, err := strconv.ParseInt(last, 10, 64); err == nil {
			to = min(n, to)
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
	}
	h.Set("Content-Length", strconv.FormatInt(to-from+1, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	for from <= to {
		at := from % fillerSize
		n, err := w.Write(s.filler[at:min(at+fillerSize, at+to-from+1)])
		if err != nil {
			return
		}
		from += int64(n)
	}
}

func (s *blobServer) list(w http.ResponseWriter, prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>`)
	for path, size := range s.sizes {
		name := strings.TrimPrefix(path, "/account/bench/")
		if name != path && strings.HasPrefix(name, prefix) {
			fmt.Fprintf(w, `<Blob><Name>%s</Name><Properties><Last-Modified>Mon, 02 Nov 2026 00:00:00 GMT</Last-Modified><Etag>0x8D1</Etag><Content-Length>%d</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>`, name, size)
		}
	}
	fmt.Fprint(w, `</Blobs><NextMarker/></EnumerationResults>`)
}
