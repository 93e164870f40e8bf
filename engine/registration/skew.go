package registration

import (
	"net/http"
	"sync/atomic"
	"time"
)

// skew is how far this machine's clock is ahead of the factory's, from the Date of its answers. Safe for use by several
// goroutines.
type skew struct{ ahead atomic.Int64 }

// note takes an answer that was asked for at a time and has come now. The Date has whole seconds, and the answer took a
// while: what lies within is no skew.
func (s *skew) note(h http.Header, asked, come time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	early, late := asked.Sub(date.Add(time.Second)), come.Sub(date)
	switch {
	case early > 0:
		s.ahead.Store(int64(early))
	case late < 0:
		s.ahead.Store(int64(late))
	default:
		s.ahead.Store(0)
	}
}

// Skew is how far this machine's clock is ahead of the factory's, as its last answer showed; 0 where they agree or it has
// not answered yet.
func (c *Client) Skew() time.Duration { return time.Duration(c.rest.skew.ahead.Load()) }
