package blob

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// keeper is a service that keeps the blocks that it took whole, and makes trouble with the first try of each.
type keeper struct {
	trouble func(w http.ResponseWriter, r *http.Request)

	mu     sync.Mutex
	tried  map[string]bool
	blocks map[string][]byte
	order  []string
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("blockid")
	switch {
	case r.URL.Query().Get("comp") == "block":
		k.mu.Lock()
		first := !k.tried[id]
		k.tried[id] = true
		k.mu.Unlock()
		if first && k.trouble != nil {
			k.trouble(w, r)
			return
		}
		b, err := io.ReadAll(r.Body)
		if err != nil || int64(len(b)) != r.ContentLength {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		k.mu.Lock()
		k.blocks[id] = b
		k.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
	case r.URL.Query().Get("comp") == "blocklist" && r.Method == http.MethodPut:
		b, _ := io.ReadAll(r.Body)
		for _, part := range strings.Split(string(b), "<Latest>")[1:] {
			id, _, _ := strings.Cut(part, "<")
			k.order = append(k.order, id)
		}
		w.WriteHeader(http.StatusCreated)
	default:
		w.Header().Set("x-ms-error-code", "BlobNotFound")
		w.WriteHeader(http.StatusNotFound)
	}
}

func (k *keeper) content() []byte {
	var all []byte
	for _, id := range k.order {
		all = append(all, k.blocks[id]...)
	}
	return all
}

// lend sends data block by block from buffers that are spoiled as soon as they are given back.
func lend(t *testing.T, f store.Files, p string, data []byte, o store.CreateOptions, commit bool) {
	t.Helper()
	w, err := f.Create(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	lender := w.(store.BlockWriter)
	length := lender.BlockLength(int64(len(data)) + 1<<30)
	if length == 0 {
		t.Fatal("no blocks are taken")
	}
	for rest := data; len(rest) > 0; {
		b := bytes.Clone(rest[:min(length, int64(len(rest)))])
		rest = rest[len(b):]
		if err := lender.WriteBlock(b, func() { clear(b) }); err != nil {
			t.Fatal(err)
		}
	}
	if commit {
		err = w.Commit(t.Context())
	} else {
		w.(*writer).wg.Wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
}

func TestBlocksArriveWholeWhateverTheFirstTryMet(t *testing.T) {
	t.Parallel()
	cut := func(bytes int64) func(http.ResponseWriter, *http.Request) {
		return func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, bytes)
			panic(http.ErrAbortHandler)
		}
	}
	for name, trouble := range map[string]func(http.ResponseWriter, *http.Request){
		"nothing":                     nil,
		"cut at once":                 cut(0),
		"cut behind the first write":  cut(1<<20 + 1),
		"cut before the last byte":    cut(4<<20 - 1),
		"busy, told before the bytes": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"busy, told after the bytes": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &keeper{trouble: trouble, tried: map[string]bool{}, blocks: map[string][]byte{}}
			s := httptest.NewServer(k)
			t.Cleanup(s.Close)
			f := opened(t, linkedService("AccountName=account;AccountKey=AAAA;BlobEndpoint="+s.URL+"/account;"))
			data := noise(9<<20+17, 4)
			lend(t, f, "box/file", data, store.CreateOptions{BlockSize: 4 << 20}, true)
			if got := k.content(); !bytes.Equal(got, data) {
				t.Errorf("%d bytes arrived of %d, or others", len(got), len(data))
			}
		})
	}
}

func TestBlocksGoThroughTLSAsThroughPlainConnections(t *testing.T) {
	t.Parallel()
	data := noise(3<<20+17, 6)
	arrived := make(chan []byte, 1)
	echo := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		arrived <- b
	})
	for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		s := start(echo)
		defer s.Close()
		client := s.Client()
		client.Transport.(*http.Transport).DialContext = plain((&net.Dialer{}).DialContext)
		r, err := http.NewRequestWithContext(withBlock(t.Context(), data), http.MethodPut, s.URL, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := sender{client}.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if !bytes.Equal(<-arrived, data) {
			t.Errorf("%s: other bytes arrived", name)
		}
	}
}

func TestAResumedUploadNeverMixesOldAndNewContent(t *testing.T) {
	f, blocks, _ := watched(t)
	box := testserver.Container()
	send(t, f, box+"/other", nil, store.CreateOptions{}, true) // the container is there
	p := box + "/file"
	const block = 4 << 20
	data := noise(5*block+17, 5)
	o := store.CreateOptions{BlockSize: block}
	lend(t, f, p, data[:4*block], o, false) // the process dies
	if n := blocks.Swap(0); n != 4 {
		t.Fatalf("%d blocks were sent at first", n)
	}
	// The file has the same size and could have the same time of change; two blocks change places, and of one a single bit.
	moved := bytes.Clone(data)
	copy(moved, data[block:2*block])
	copy(moved[block:], data[:block])
	moved[3*block-1] ^= 1
	lend(t, f, p, moved, o, true)
	if n := blocks.Swap(0); n != 5 {
		t.Errorf("%d blocks were sent by the second attempt, of 6 with one that was there", n)
	}
	if got, _ := fetched(t, f, p); !bytes.Equal(got, moved) {
		t.Error("the blob has other bytes than the file")
	}
}
