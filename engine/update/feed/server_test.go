package feed_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"dmgateway/engine/fault"
	"dmgateway/engine/update/feed"
)

// endless sends without end, until nobody listens.
func endless(rw http.ResponseWriter, _ *http.Request) {
	piece := []byte(strings.Repeat(" ", 1<<16))
	for {
		if _, err := rw.Write(piece); err != nil {
			return
		}
	}
}

// silent sends nothing, until nobody waits.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestAnAnswerWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"timestamp.json", "2.snapshot.json", "2.targets.json", "2.root.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("1.1.0")
			mux := http.NewServeMux()
			mux.Handle("/", http.FileServer(http.Dir(w.o.Out)))
			mux.HandleFunc("/metadata/"+name, endless)
			w.refuses(w.clientOf(mux), feed.Refused, "too long")
		})
	}
}

func TestAServerThatSaysNothingIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refuses(w.clientOf(http.HandlerFunc(silent)).Impatient(50*time.Millisecond), fault.Unreachable, "sends nothing")
}

func TestAskingCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := w.clientOf(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { cancel(); silent(rw, r) }))
	_, err := c.Latest(ctx, feed.Stable, "node", "1.0.0")
	if fault.Code(err) != fault.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAServerThatIsGoneIsUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c := w.clientAt(s.URL, s.Client())
	w.refuses(c, fault.Unreachable)
	_, err := c.Latest(t.Context(), feed.Stable, "node", "1.0.0")
	if !fault.IsTransient(err) {
		t.Error("it is not said to be worth another try")
	}
}

func TestAMetadataAnswerThatBreaksOffIsUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refuses(w.clientOf(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "1000")
		_, _ = rw.Write([]byte(`{"signed":`))
	})), fault.Unreachable)
}

// secure serves a feed over HTTPS.
func (w *world) secure(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that refuse its certificate
	s.StartTLS()
	w.t.Cleanup(s.Close)
	return s
}

func TestRedirectsLeadOnlyToWhereNobodyListens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	files := http.FileServer(http.Dir(w.o.Out))
	plain := httptest.NewServer(files)
	t.Cleanup(plain.Close)
	safe := w.secure(files)
	to := func(target string) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, target+r.URL.Path, http.StatusFound)
		})
	}
	good := w.secure(to(safe.URL))
	if got := w.latest(w.clientAt(good.URL, good.Client())); got != "1.1.0" {
		t.Errorf("from HTTPS to HTTPS: got %q", got)
	}
	bad := w.secure(to(plain.URL))
	w.refuses(w.clientAt(bad.URL, bad.Client()), feed.Refused, "without HTTPS")
	open := httptest.NewServer(to("http://updates.invalid"))
	t.Cleanup(open.Close)
	w.refuses(w.clientAt(open.URL, open.Client()), feed.Refused, "without HTTPS")
	circle := w.secure(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, r.URL.Path, http.StatusFound) }))
	w.refuses(w.clientAt(circle.URL, circle.Client()), fault.Unreachable, "without end")
}

func TestACertificateOfAnotherTimeNamesTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.secure(http.FileServer(http.Dir(w.o.Out)))
	transport := s.Client().Transport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	wrong := func() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }
	transport.TLSClientConfig.Time = wrong
	c := w.clientAt(s.URL, &http.Client{Transport: transport}, func(o *feed.Options) { o.Now = wrong })
	w.refuses(c, fault.Unreachable, "clock of this computer", "2200-01-01")
}

func TestAddressesThatAreNoneAreRefusedWithARemedy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, text := range []string{
		"", "updates", "http://updates.example.com", "ftp://updates.example.com", "https://", "file:///tmp/feed", "https://me:secret@updates.example.com",
		"https://updates.example.com/?sig=secret", "https://updates.example.com/#x", "https://:443", "://", "http://127.0.0.1.example.com",
	} {
		_, err := feed.New(feed.Options{URL: text, Root: w.root})
		checkFault(t, err, fault.BadInput, "address of the update feed")
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the secret is in the error: %v", err)
		}
	}
	for _, text := range []string{"https://updates.example.com", " https://updates.example.com/gateway/ ", "http://localhost:8080", "http://[::1]:80/x"} {
		if _, err := feed.New(feed.Options{URL: text, Root: w.root}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestARootIsPinnedByTheBuildOrUpdatesAreNotAvailable(t *testing.T) { // not parallel: changes what is pinned
	w := newWorld(t)
	w.add("1.1.0")
	none := func() (*feed.Client, error) { return feed.New(feed.Options{URL: "https://updates.example.com"}) }
	if feed.Pinned() {
		t.Fatal("a test build has a root")
	}
	_, err := none()
	checkFault(t, err, feed.Unavailable, "no root")
	undo := feed.Pin("not base64!")
	_, err = none()
	undo()
	checkFault(t, err, feed.Unavailable)
	defer feed.Pin(base64.StdEncoding.EncodeToString(w.root))()
	if !feed.Pinned() {
		t.Error("a root is pinned, and said not to be")
	}
	if got := w.latest(w.client(w.o.Out, func(o *feed.Options) { o.Root = nil })); got != "1.1.0" {
		t.Errorf("got %q", got)
	}
}

func TestARootThatIsNoneMakesUpdatesUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unsigned, err := metadata.Root(w.clock.Now().Add(time.Hour)).ToBytes(false)
	w.must(err)
	for _, text := range []string{"x", "{}", `{"signed":{"_type":"root","keys":null,"roles":null},"signatures":[]}`, string(unsigned)} {
		_, err := feed.New(feed.Options{URL: "https://updates.example.com", Root: []byte(text)})
		checkFault(t, err, feed.Unavailable)
	}
}

// TestSignedNonsenseDoesNoHarm signs metadata with the true key that lacks what the next steps build upon.
func TestSignedNonsenseDoesNoHarm(t *testing.T) {
	t.Parallel()
	for what, meta := range map[string]map[string]*metadata.MetaFiles{
		"nothing": nil, "null": {"snapshot.json": nil}, "negative": {"snapshot.json": {Version: -1, Length: -5}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("1.1.0")
			text, err := os.ReadFile(filepath.Join(w.o.Keys.Dir, "timestamp.key"))
			w.must(err)
			block, _ := pem.Decode(text)
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			w.must(err)
			signer, err := signature.LoadED25519Signer(key.(ed25519.PrivateKey))
			w.must(err)
			m := metadata.Timestamp(w.clock.Now().Add(time.Hour))
			m.Signed.Version, m.Signed.Meta = 99, meta
			_, err = m.Sign(signer)
			w.must(err)
			w.must(m.ToFile(w.file("metadata/timestamp.json"), false))
			r, err := w.client(w.o.Out).Latest(t.Context(), feed.Stable, "node", "1.0.0")
			if r != nil || fault.Code(err) != feed.Refused {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func TestAFolderThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	file := filepath.Join(t.TempDir(), "file")
	w.must(os.WriteFile(file, nil, 0o600))
	w.refuses(w.client(w.o.Out, func(o *feed.Options) { o.Dir = filepath.Join(file, "tuf") }), fault.Forbidden, file)
}
