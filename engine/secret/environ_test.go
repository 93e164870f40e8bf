package secret

import (
	"slices"
	"strings"
	"testing"
)

func TestHelpersGetNoSecretOfTheEnvironment(t *testing.T) {
	kept := []string{"XDG_CURRENT_DESKTOP=GNOME", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1/bus", "LC_ALL=C"}
	gone := []string{"DMG_PASSPHRASE=p", "DMG_KEY=k", "DMG_CERTIFICATE_PASSWORD=c", "DMG_SERVICE_BUS=s", "PGPASSWORD=g", "ORDERS=a password by any name", "LCX=x"}
	for _, entry := range slices.Concat(kept, gone) {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
	got := HelperEnvironment()
	for _, entry := range kept {
		if !slices.Contains(got, entry) {
			t.Errorf("%s is missing", entry)
		}
	}
	for _, entry := range gone {
		if slices.Contains(got, entry) {
			t.Errorf("%s is there", entry)
		}
	}
}
