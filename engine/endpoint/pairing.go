package endpoint

import (
	"crypto/rand"
	"crypto/subtle"
	"math/big"
	"strings"
	"sync"
	"time"

	"dmgateway/engine/fault"
)

const (
	// alphabet has no letters and digits that are taken for one another.
	alphabet   = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	codeLength = 8
	codeLife   = 10 * time.Minute
	// maxWrong guesses end a code, and shut out who made them.
	maxWrong = 5
	// Pauses after too many wrong guesses: they double each time.
	firstPause = 30 * time.Second
	maxPause   = time.Hour
	// forgiven is how long a caller has to be quiet for its pauses to begin anew.
	forgiven   = 6 * time.Hour
	maxCallers = 1024
)

// codeTooMany is the fault of who has to wait.
const codeTooMany = "TooManyRequests"

// pairing lets in whoever knows the code of the moment. There is one at most; it works once.
type pairing struct {
	mu      sync.Mutex
	code    string
	expires time.Time
	wrong   int // guesses at this code
	all     patience
	callers map[string]*patience
}

// patience is how long somebody has to wait.
type patience struct {
	wrong  int // since the last pause
	pauses int
	until  time.Time
	last   time.Time
}

func newPairing() *pairing { return &pairing{callers: map[string]*patience{}} }

// pause makes it wait, longer each time.
func (p *patience) pause(now time.Time) {
	wait := min(firstPause<<min(p.pauses, 10), maxPause)
	p.pauses++
	p.wrong = 0
	p.until = now.Add(wait)
}

func (p *pairing) make(now time.Time) (string, time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.all.until) {
		return "", time.Time{}, fault.New(codeTooMany, "too many wrong pairing codes were tried: pairing pauses until %s", p.all.until.Local().Format("15:04:05")).
			Try("Wait until then and look in the log for the address they came from, or set the credential here: `dmgcmd credential set NAME`.")
	}
	b := make([]byte, codeLength)
	for i := range b {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", time.Time{}, err
		}
		b[i] = alphabet[n.Int64()]
	}
	p.code, p.expires, p.wrong = string(b), now.Add(codeLife), 0
	return p.code[:codeLength/2] + "-" + p.code[codeLength/2:], p.expires, nil
}

// forget makes the code of the moment worthless.
func (p *pairing) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code = ""
}

// try takes a guess of a caller, and says how long the caller has to wait where it is not even looked at.
func (p *pairing) try(caller, guess string, now time.Time) (ok bool, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who := p.caller(caller, now)
	if wait := max(who.until.Sub(now), p.all.until.Sub(now)); wait > 0 {
		return false, wait
	}
	who.last = now
	waiting := p.code != "" && now.Before(p.expires)
	if waiting && subtle.ConstantTimeCompare([]byte(guess), []byte(p.code)) == 1 {
		p.code = ""
		p.all = patience{}
		delete(p.callers, caller)
		return true, 0
	}
	if who.wrong++; who.wrong >= maxWrong {
		who.pause(now)
	}
	if !waiting {
		return false, 0
	}
	if p.wrong++; p.wrong >= maxWrong {
		p.code = ""
		if now.Sub(p.all.last) > forgiven {
			p.all.pauses = 0
		}
		p.all.last = now
		p.all.pause(now)
	}
	return false, 0
}

// caller is what is known of one; who has been quiet for long is forgotten. Where there are too many, the rest are
// counted as one.
func (p *pairing) caller(name string, now time.Time) *patience {
	if c := p.callers[name]; c != nil {
		if now.Sub(c.last) > forgiven {
			*c = patience{}
		}
		return c
	}
	if len(p.callers) >= maxCallers {
		for n, c := range p.callers {
			if now.Sub(c.last) > forgiven {
				delete(p.callers, n)
			}
		}
	}
	if len(p.callers) >= maxCallers {
		name = "others"
		if c := p.callers[name]; c != nil {
			return c
		}
	}
	c := &patience{last: now}
	p.callers[name] = c
	return c
}

// normalCode is a code as it was made, of what a person typed; false where it cannot be one.
func normalCode(text string) (string, bool) {
	text = strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\u2010' || r == '\u2011' || r == '\u2013' {
			return -1
		}
		return r
	}, strings.TrimSpace(text)))
	if len(text) != codeLength || strings.Trim(text, alphabet) != "" {
		return "", false
	}
	return text, true
}
