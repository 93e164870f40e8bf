package secret

import (
	"os"
	"slices"
	"strings"
)

// What programs of the system need to find themselves, their session and their language.
var (
	helperNames    = []string{"PATH", "PATHEXT", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DESKTOP_SESSION", "SYSTEMROOT", "WINDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}
	helperPrefixes = []string{"LC_", "XDG_", "DBUS_SESSION_", "GSETTINGS_"}
)

// HelperEnvironment is the environment for programs of the system that are asked for a setting. It holds what they need,
// by name, and nothing else: a passphrase, a gateway key or a secret that a linked service refers to may stand in this
// process's own environment under any name.
func HelperEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		name = strings.ToUpper(name) // as Windows compares them
		return !slices.Contains(helperNames, name) && !slices.ContainsFunc(helperPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	})
}
