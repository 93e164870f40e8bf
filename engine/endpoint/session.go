package endpoint

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

const (
	cookieName   = "__Host-dmg-session"
	csrfHeader   = "X-CSRF-Token"
	sessionIdle  = 15 * time.Minute
	sessionLife  = 8 * time.Hour
	maxSessions  = 64
	testsAMinute = 10
)

// session is one browser or script that was let in.
type session struct {
	csrf    string
	gateway string // GUID that the gateway had then: another registration ends it
	scope   string // the one linked service that it may touch, "" for all
	began   time.Time
	used    time.Time
	tests   []time.Time // of the last minute
}

// ends is when it ends if nothing more is asked.
func (s *session) ends() time.Time {
	idle, life := s.used.Add(sessionIdle), s.began.Add(sessionLife)
	if life.Before(idle) {
		return life
	}
	return idle
}

// sessions are kept in memory by a hash of their cookie: a restart ends them.
type sessions struct {
	mu   sync.Mutex
	open map[[32]byte]*session
}

func newSessions() *sessions { return &sessions{open: map[[32]byte]*session{}} }

func (all *sessions) begin(gateway, scope string, now time.Time) (cookie string, s session) {
	all.mu.Lock()
	defer all.mu.Unlock()
	oldest, found := [32]byte{}, false
	for id, s := range all.open {
		if now.After(s.ends()) {
			delete(all.open, id)
		} else if !found || s.used.Before(all.open[oldest].used) {
			oldest, found = id, true
		}
	}
	if found && len(all.open) >= maxSessions {
		delete(all.open, oldest)
	}
	cookie = rand.Text() + rand.Text()
	n := &session{csrf: rand.Text(), gateway: gateway, scope: scope, began: now, used: now}
	all.open[sha256.Sum256([]byte(cookie))] = n
	return cookie, *n
}

// of finds the session of a request and prolongs it.
func (all *sessions) of(r *http.Request, gateway string, now time.Time) (session, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return session{}, false
	}
	id := sha256.Sum256([]byte(c.Value))
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.open[id]
	if s == nil {
		return session{}, false
	}
	if now.After(s.ends()) || s.gateway != gateway {
		delete(all.open, id)
		return session{}, false
	}
	s.used = now
	return *s, true
}

// mayTest counts a test of a connection and reports whether it is within the limit of its session.
func (all *sessions) mayTest(r *http.Request, now time.Time) bool {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.open[sha256.Sum256([]byte(c.Value))]
	if s == nil {
		return false
	}
	for len(s.tests) > 0 && now.Sub(s.tests[0]) > time.Minute {
		s.tests = s.tests[1:]
	}
	if len(s.tests) >= testsAMinute {
		return false
	}
	s.tests = append(s.tests, now)
	return true
}

func (all *sessions) drop(r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		all.mu.Lock()
		defer all.mu.Unlock()
		delete(all.open, sha256.Sum256([]byte(c.Value)))
	}
}

func (all *sessions) clear() {
	all.mu.Lock()
	defer all.mu.Unlock()
	clear(all.open)
}
