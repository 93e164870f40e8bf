package feed

import (
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// Newer reports whether version a is a later release than b, by semantic versioning; a leading v makes no difference.
// A build between two releases, "1.2.0-5-gabc1234" as git describes it, is as new as the release it follows. Where
// either is no version ("dev"), nothing is newer.
func Newer(a, b string) bool {
	a, b = canonical(a), canonical(b)
	return semver.IsValid(a) && semver.IsValid(b) && semver.Compare(a, b) > 0
}

// IsRelease reports whether v is a whole semantic version without a leading v and without build metadata, as releases are
// named: "1.3.0", "1.4.0-rc.1".
func IsRelease(v string) bool {
	return len(v) <= 64 && semver.IsValid("v"+v) && semver.Canonical("v"+v) == "v"+v && canonical(v) == "v"+v
}

// described matches what git describe appends after a tag, and the mark of uncommitted changes.
var described = regexp.MustCompile(`(-[0-9]+-g[0-9a-f]{4,40})?(-dirty)?$`)

func canonical(v string) string {
	return "v" + strings.TrimPrefix(described.ReplaceAllString(v, ""), "v")
}

// IsVersion reports whether v is a version that others can be compared with: of a release, or of a build after one.
func IsVersion(v string) bool { return semver.IsValid(canonical(v)) }
