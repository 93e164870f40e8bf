package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// Channels that a release can be in.
const (
	Stable  = "stable"
	Preview = "preview" // whoever takes part in it gets stable releases too
)

// CustomFormat is the number of the form of [Custom]. Members can be added to a form: programs pass over what they do not
// know. What has a higher number they pass over wholly.
const CustomFormat = 1

// MaxNotes is the longest that notes may be, in bytes.
const MaxNotes = 16 << 10

// Custom is what a feed says of an archive beside name, length and hash: the "custom" member of a TUF target.
type Custom struct {
	Format  int     `json:"format"` // CustomFormat
	Version string  `json:"version"`
	OS      string  `json:"os"`      // Go's name: "linux", "windows", "darwin"
	Arch    string  `json:"arch"`    // Go's name: "amd64", "arm64"
	Channel string  `json:"channel"` // Stable or Preview
	Rollout Rollout `json:"rollout"`
	// Published is the moment at which the release was put into the feed.
	Published time.Time `json:"published"`
	Notes     string    `json:"notes,omitempty"` // short Markdown
	// MinVersion is the oldest version from which the step to this one can be made, "" = any.
	MinVersion string `json:"minVersion,omitempty"`
}

// Rollout says who takes part in a release already.
type Rollout struct {
	Percent int       `json:"percent"` // 0-100 of all nodes
	Since   time.Time `json:"since"`   // when this percentage began, or will begin
}

// errOtherFormat is of a Custom that a newer program understands.
var errOtherFormat = errors.New("is of a newer format")

// ParseCustom reads and checks a Custom.
func ParseCustom(text []byte) (Custom, error) {
	var form struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return Custom{}, err
	}
	if form.Format > CustomFormat {
		return Custom{}, errOtherFormat
	}
	var c Custom
	if err := json.Unmarshal(text, &c); err != nil {
		return Custom{}, err
	}
	if err := c.Check(); err != nil {
		return Custom{}, err
	}
	return c, nil
}

// Check says what is wrong with c.
func (c Custom) Check() error {
	switch {
	case c.Format != CustomFormat:
		return fmt.Errorf("format %d is none", c.Format)
	case !IsRelease(c.Version):
		return fmt.Errorf("version %q is no release such as 1.3.0", c.Version)
	case !system.MatchString(c.OS) || !system.MatchString(c.Arch):
		return fmt.Errorf("system %q/%q is none such as linux/amd64", c.OS, c.Arch)
	case !slices.Contains([]string{Stable, Preview}, c.Channel):
		return fmt.Errorf("channel %q is neither %s nor %s", c.Channel, Stable, Preview)
	case c.Rollout.Percent < 0 || c.Rollout.Percent > 100:
		return fmt.Errorf("rollout of %d %% is not within 0-100", c.Rollout.Percent)
	case c.Published.IsZero() || c.Rollout.Since.IsZero():
		return errors.New("the moments of publishing and rollout are missing")
	case len(c.Notes) > MaxNotes || !utf8.ValidString(c.Notes):
		return fmt.Errorf("notes are longer than %d bytes or no UTF-8", MaxNotes)
	case c.MinVersion != "" && !IsRelease(c.MinVersion):
		return fmt.Errorf("least version %q is no release such as 1.3.0", c.MinVersion)
	}
	return nil
}

var (
	system     = regexp.MustCompile(`^[a-z0-9]{1,16}$`)
	targetName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
)

// TargetName reports whether a name can be that of an archive: one plain file name.
func TargetName(name string) bool { return targetName.MatchString(name) }

// TargetPath is where, below the feed's address, the archive with that name and hash lies.
func TargetPath(name string, sha256 [32]byte) string {
	return fmt.Sprintf("targets/%x.%s", sha256, name)
}
