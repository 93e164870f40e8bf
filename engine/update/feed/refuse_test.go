package feed_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/update/feed"
)

func TestAReplayedFeedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	old := w.copied()
	w.add("1.2.0")
	if got := w.latest(w.client(w.o.Out)); got != "1.2.0" {
		t.Fatalf("got %q", got)
	}
	w.refuses(w.client(old), feed.Refused, "older")
	if got := w.latest(w.client(w.o.Out)); got != "1.2.0" {
		t.Errorf("the true feed afterwards: got %q", got)
	}
}

func TestAFrozenFeedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	w.latest(w.client(w.o.Out))
	w.clock.pass(14*24*time.Hour + time.Minute)
	w.refuses(w.client(w.o.Out), feed.Refused, "expired", "2026-11-16", "clock", "holds it back")
	w.kept = t.TempDir() // a client that has never seen it
	w.refuses(w.client(w.o.Out), feed.Refused, "expired", "2026-11-16", "clock", "holds it back")
	w.must(w.repo().Renew())
	if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
		t.Errorf("signed anew: got %q", got)
	}
}

func TestAFeedWhosePartsWentBackIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := *w // another history of the same keys
	other.o.Out = w.copied()
	w.add("1.1.0")
	w.add("1.2.0")
	other.add("1.1.0")
	for range 5 { // a timestamp that is newer than any seen, of a snapshot that is older
		other.must(other.repo().Renew())
	}
	if got := w.latest(w.client(w.o.Out)); got != "1.2.0" {
		t.Fatalf("got %q", got)
	}
	w.refuses(w.client(other.o.Out), feed.Refused, "older")
}

func TestAMixedFeedIsRefused(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"snapshot", "targets"} {
		t.Run("the "+role+" of another time", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("1.1.0")
			w.add("1.2.0")
			w.must(os.Rename(w.file("metadata/2."+role+".json"), w.file("metadata/3."+role+".json")))
			w.refuses(w.client(w.o.Out), feed.Refused, "belong together")
		})
		t.Run("the "+role+" of another feed", func(t *testing.T) {
			t.Parallel()
			w, other := newWorld(t), newWorld(t)
			w.add("1.1.0")
			other.add("1.1.0")
			w.must(os.Rename(other.file("metadata/2."+role+".json"), w.file("metadata/2."+role+".json")))
			w.refuses(w.client(w.o.Out), feed.Refused, "belong together")
		})
	}
}

func TestAFeedThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"timestamp.json", "2.snapshot.json", "2.targets.json"} {
		for what, change := range map[string]func(text []byte) []byte{
			"cut":   func(text []byte) []byte { return text[:len(text)/2] },
			"empty": func([]byte) []byte { return nil },
			"page":  func([]byte) []byte { return []byte("<html>Please sign in</html>") },
			"other": func([]byte) []byte { return []byte(`{"signed":null,"signatures":[]}`) },
		} {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.add("1.1.0")
				file := w.file("metadata/" + name)
				text, err := os.ReadFile(file)
				w.must(err)
				w.must(os.WriteFile(file, change(text), 0o600))
				w.refuses(w.client(w.o.Out), feed.Refused)
				w.must(os.WriteFile(file, text, 0o600))
				if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
					t.Errorf("whole again: got %q", got)
				}
			})
		}
	}
	for _, name := range []string{"2.snapshot.json", "2.targets.json"} {
		t.Run("missing "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("1.1.0")
			w.must(os.Remove(w.file("metadata/" + name)))
			w.refuses(w.client(w.o.Out), feed.Refused, name, "missing")
		})
	}
}

func TestAForgedFeedIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("made with other keys", func(t *testing.T) {
		t.Parallel()
		w, forger := newWorld(t), newWorld(t)
		forger.add("9.0.0")
		w.refuses(w.client(forger.o.Out), feed.Refused, "not signed")
	})
	t.Run("changed after it was signed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.add("1.1.0")
		file := w.file("metadata/timestamp.json")
		text, err := os.ReadFile(file)
		w.must(err)
		changed := bytes.Replace(text, []byte(`"expires":"2026`), []byte(`"expires":"2036`), 1)
		if bytes.Equal(changed, text) {
			t.Fatal("nothing was changed")
		}
		w.must(os.WriteFile(file, changed, 0o600))
		w.refuses(w.client(w.o.Out), feed.Refused, "not signed")
	})
}

func TestARotatedRootIsFollowed(t *testing.T) {
	t.Parallel()
	for _, steps := range [][]string{{"root"}, {"root", "root"}, {"targets"}, {"timestamp", "snapshot", "targets", "root"}} {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add("1.1.0")
			early := *w // asked before
			early.kept = t.TempDir()
			if got := early.latest(early.client(w.o.Out)); got != "1.1.0" {
				t.Fatalf("got %q", got)
			}
			for _, role := range steps {
				w.must(w.repo().Rotate(role))
			}
			w.add("1.2.0")
			for _, who := range []*world{&early, w} {
				if got := who.latest(who.client(w.o.Out)); got != "1.2.0" {
					t.Errorf("got %q", got)
				}
			}
			// What was followed once is not asked for again: a feed may drop old roots.
			for i := range steps {
				w.must(os.Remove(w.file(fmt.Sprintf("metadata/%d.root.json", i+2))))
			}
			if got := w.latest(w.client(w.o.Out)); got != "1.2.0" {
				t.Errorf("without the roots in the feed: got %q", got)
			}
		})
	}
}

func TestAnOldKeyIsNoLongerBelievedAfterRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	thief := *w // has the keys of before, and the feed of before
	thief.o.Out = w.copied()
	thief.o.Keys.Dir = filepath.Join(t.TempDir(), "stolen")
	w.must(os.CopyFS(thief.o.Keys.Dir, os.DirFS(w.o.Keys.Dir)))
	for _, role := range []string{"timestamp", "snapshot", "targets"} {
		w.must(os.Chmod(filepath.Join(thief.o.Keys.Dir, role+".key"), 0o600))
	}
	for _, role := range []string{"targets", "snapshot", "timestamp"} {
		w.must(w.repo().Rotate(role))
	}
	if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
		t.Fatalf("got %q", got)
	}
	for i := range 5 {
		thief.add(fmt.Sprintf("9.0.%d", i))
	}
	w.refuses(w.client(thief.o.Out), feed.Refused, "not signed")
}

func TestARootOfAStrangerIsRefused(t *testing.T) {
	t.Parallel()
	w, stranger := newWorld(t), newWorld(t)
	w.add("1.1.0")
	stranger.must(stranger.repo().Rotate("root"))
	stranger.add("9.0.0")
	w.must(os.Rename(stranger.file("metadata/2.root.json"), w.file("metadata/2.root.json")))
	w.refuses(w.client(w.o.Out), feed.Refused, "not signed")
	w.refuses(w.client(stranger.o.Out), feed.Refused, "not signed")
	w.must(os.Remove(w.file("metadata/2.root.json")))
	if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
		t.Errorf("the stranger's root was kept: got %q", got)
	}
}

func TestWhatWasKeptIsNotBelievedButFollowed(t *testing.T) {
	t.Parallel()
	w, stranger := newWorld(t), newWorld(t)
	w.add("1.1.0")
	w.must(w.repo().Rotate("root"))
	stranger.must(stranger.repo().Rotate("root"))
	stranger.add("9.0.0")
	forged, err := os.ReadFile(stranger.file("metadata/2.root.json"))
	w.must(err)
	for what, text := range map[string]string{"forged": string(forged), "cut": `{"signed"`, "empty": ""} {
		w.latest(w.client(w.o.Out))
		for _, name := range []string{"2.root.json", "root.json", "timestamp.json", "snapshot.json", "targets.json"} {
			w.must(os.WriteFile(filepath.Join(w.kept, name), []byte(text), 0o600))
		}
		w.refuses(w.client(stranger.o.Out), feed.Refused)
		if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
			t.Errorf("%s: got %q", what, got)
		}
	}
}

func TestAWrongClockIsNamedInTheRemedy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	ahead := w.client(w.o.Out, func(o *feed.Options) { o.Now = func() time.Time { return w.clock.Now().AddDate(1, 0, 0) } })
	w.refuses(ahead, feed.Refused, "Set the clock of this computer", "2026-11-02")
	behind := w.client(w.o.Out, func(o *feed.Options) { o.Now = func() time.Time { return w.clock.Now().AddDate(-1, 0, 0) } })
	w.refuses(behind, feed.Refused, "Set the clock of this computer", "2025-11-02")
	if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
		t.Errorf("the clock set right: got %q", got)
	}
}

func TestAnAddressWithoutAFeedIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refuses(w.client(t.TempDir()), fault.NotFound, "Check the address")
	for status, code := range map[int]string{http.StatusForbidden: fault.Unreachable, http.StatusBadGateway: fault.Unreachable} {
		w.refuses(w.clientOf(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) })), code, fmt.Sprint(status))
	}
}

func TestAStoreThatForbidsWhatItDoesNotHaveIsAFeedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	files := http.FileServer(http.Dir(w.o.Out))
	c := w.clientOf(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(w.file(r.URL.Path)); err != nil {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		files.ServeHTTP(rw, r)
	}))
	if got := w.latest(c); got != "1.1.0" {
		t.Errorf("got %q", got)
	}
}
