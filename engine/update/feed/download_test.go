package feed_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/update/feed"
)

// load is a release that a world offers, and where it is downloaded to.
type load struct {
	*world
	r    *feed.Release
	file string
	text []byte // of the archive
}

func newLoad(t *testing.T) *load {
	t.Helper()
	w := newWorld(t)
	w.add("1.1.0")
	l := &load{world: w, r: w.release(w.client(w.o.Out)), file: filepath.Join(t.TempDir(), "archive")}
	var err error
	l.text, err = os.ReadFile(l.target())
	w.must(err)
	return l
}

// target is the archive in the feed.
func (l *load) target() string { return l.world.file(feed.TargetPath(l.r.Name, l.r.SHA256)) }

// arrived checks that the whole archive is there, and nothing beside it.
func (l *load) arrived() {
	l.t.Helper()
	got, err := os.ReadFile(l.file)
	l.must(err)
	if string(got) != string(l.text) {
		l.t.Errorf("%d bytes of another content arrived", len(got))
	}
	l.gone(l.file + feed.Part)
}

func (l *load) gone(file string) {
	l.t.Helper()
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		l.t.Errorf("%s is there (%v)", filepath.Base(file), err)
	}
}

// part is how many bytes are there of a broken download.
func (l *load) part() int64 {
	l.t.Helper()
	info, err := os.Stat(l.file + feed.Part)
	l.must(err)
	return info.Size()
}

// cutAt serves the feed, and cuts answers off once so many bytes of the archive were sent. asked counts what was asked
// for in ranges.
func (l *load) cutAt(n int, asked *atomic.Int64) http.Handler {
	files := http.FileServer(http.Dir(l.o.Out))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			asked.Add(1)
			files.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Length", fmt.Sprint(len(l.text)))
		_, _ = rw.Write(l.text[:n])
	})
}

func TestADownloadArrivesWholeAndTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	var last int64 = -1
	l.must(l.client(l.o.Out).Download(t.Context(), l.r, l.file, func(done, total int64) {
		if done < last || total != l.r.Length {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}))
	if last != l.r.Length {
		t.Errorf("it ended at %d of %d", last, l.r.Length)
	}
	l.arrived()
	l.must(l.client(l.o.Out).Download(t.Context(), l.r, l.file, nil)) // over the one that is there
	l.arrived()
}

func TestABrokenDownloadGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	var asked atomic.Int64
	c := l.clientOf(l.cutAt(60<<10, &asked))
	err := c.Download(t.Context(), l.r, l.file, nil)
	checkFault(t, err, fault.Unreachable)
	if !fault.IsTransient(err) {
		t.Error("it is not said to be worth another try")
	}
	l.gone(l.file)
	if got := l.part(); got != 60<<10 {
		t.Fatalf("%d bytes are kept", got)
	}
	var from int64 = -1
	l.must(c.Download(t.Context(), l.r, l.file, func(done, _ int64) {
		if from < 0 {
			from = done
		}
	}))
	if from != 60<<10 || asked.Load() != 1 {
		t.Errorf("it went on from %d, with %d questions", from, asked.Load())
	}
	l.arrived()
}

func TestAServerWithoutRangesSendsAllAgain(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	l.must(os.WriteFile(l.file+feed.Part, l.text[:1000], 0o600))
	c := l.clientOf(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(l.text) }))
	l.must(c.Download(t.Context(), l.r, l.file, nil))
	l.arrived()
}

func TestAPartOfSomethingElseIsThrownAway(t *testing.T) {
	t.Parallel()
	for what, part := range map[string]int{"shorter": 1000, "as long": -1, "longer": 1 << 20} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			l := newLoad(t)
			if part < 0 {
				part = len(l.text)
			}
			l.must(os.WriteFile(l.file+feed.Part, []byte(strings.Repeat("x", part)), 0o600))
			l.must(l.client(l.o.Out).Download(t.Context(), l.r, l.file, nil))
			l.arrived()
		})
	}
}

func TestAWholePartNeedsNoServer(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	l.must(os.WriteFile(l.file+feed.Part, l.text, 0o600))
	l.must(l.client(t.TempDir()).Download(t.Context(), l.r, l.file, nil))
	l.arrived()
}

func TestAnArchiveThatIsNotTheSignedOneIsRemoved(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(text []byte) []byte{
		"another content": func(text []byte) []byte { text[len(text)/2] ^= 1; return text },
		"longer":          func(text []byte) []byte { return append(text, 'x') },
		"cut":             func(text []byte) []byte { return text[:len(text)-1] },
		"empty":           func([]byte) []byte { return nil },
	} {
		for _, begun := range []int{0, 50 << 10} {
			t.Run(fmt.Sprintf("%s after %d bytes", what, begun), func(t *testing.T) {
				t.Parallel()
				l := newLoad(t)
				if begun > 0 {
					l.must(os.WriteFile(l.file+feed.Part, l.text[:begun], 0o600))
				}
				l.must(os.WriteFile(l.target(), change(append([]byte(nil), l.text...)), 0o600))
				checkFault(t, l.client(l.o.Out).Download(t.Context(), l.r, l.file, nil), feed.Refused)
				l.gone(l.file)
				l.gone(l.file + feed.Part)
			})
		}
	}
}

func TestAnArchiveWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	checkFault(t, l.clientOf(http.HandlerFunc(endless)).Download(t.Context(), l.r, l.file, nil), feed.Refused, "longer")
	l.gone(l.file + feed.Part)
}

func TestAnArchiveThatIsMissingIsSaid(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	l.must(os.Remove(l.target()))
	checkFault(t, l.client(l.o.Out).Download(t.Context(), l.r, l.file, nil), feed.Refused, "missing", l.r.Name)
}

func TestAServerThatFallsSilentIsLeftAndTheBytesAreKept(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	c := l.clientOf(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write(l.text[:1000])
		_ = http.NewResponseController(rw).Flush()
		silent(rw, r)
	})).Impatient(100 * time.Millisecond)
	checkFault(t, c.Download(t.Context(), l.r, l.file, nil), fault.Unreachable, "sends nothing")
	if got := l.part(); got > 1000 {
		t.Errorf("%d bytes are kept", got)
	}
}

func TestACancelledDownloadKeepsItsBytes(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := l.clientOf(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write(l.text[:1000])
		_ = http.NewResponseController(rw).Flush()
		silent(rw, r)
	}))
	err := c.Download(ctx, l.r, l.file, func(done, _ int64) {
		if done == 1000 {
			cancel()
		}
	})
	if fault.Code(err) != fault.Cancelled {
		t.Fatalf("got %v", err)
	}
	if got := l.part(); got != 1000 {
		t.Errorf("%d bytes are kept", got)
	}
	l.must(l.client(l.o.Out).Download(t.Context(), l.r, l.file, nil))
	l.arrived()
}

func TestAFullDiskIsSaid(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a file that is always full")
	}
	l := newLoad(t)
	l.must(os.Symlink("/dev/full", l.file+feed.Part))
	checkFault(t, l.client(l.o.Out).Download(t.Context(), l.r, l.file, nil), fault.DiskFull, "Make room")
	l.gone(l.file)
}

func TestNamesThatLeadElsewhereAreNotAskedFor(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	for _, name := range []string{"", "../x", "a/b", `a\b`, ".hidden", "a b", strings.Repeat("a", 200)} {
		r := *l.r
		r.Name = name
		checkFault(t, l.client(l.o.Out).Download(t.Context(), &r, l.file, nil), fault.BadInput)
	}
}
