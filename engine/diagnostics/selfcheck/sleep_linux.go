package selfcheck

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/secret"

	"github.com/godbus/dbus/v5"
)

// sleep tells whether this machine goes to sleep by itself: by systemd's idle action, or by what a desktop has set for a
// machine on mains power. Where the kernel or the administrator rules sleep out, it does not.
func sleep(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return nil // no logind: a container or a small server
	}
	defer conn.Close()
	logind := conn.Object("org.freedesktop.login1", "/org/freedesktop/login1")
	can := func(method string) bool {
		var answer string
		return logind.CallWithContext(ctx, "org.freedesktop.login1.Manager."+method, 0).Store(&answer) == nil && (answer == "yes" || answer == "challenge")
	}
	if !can("CanSuspend") && !can("CanHibernate") {
		return nil
	}
	if v, err := logind.GetProperty("org.freedesktop.login1.Manager.IdleAction"); err == nil {
		if action, _ := v.Value().(string); goesToSleep(action) {
			return slept("systemd's idle action is \"" + action + "\"")
		}
	}
	return desktopSleep(ctx)
}

func goesToSleep(action string) bool {
	return strings.Contains(action, "suspend") || strings.Contains(action, "hibernate") || strings.Contains(action, "sleep")
}

// desktopSleep asks GNOME, and what shares its settings, what it does on mains power when nobody types.
func desktopSleep(ctx context.Context) []Finding {
	const schema = "org.gnome.settings-daemon.plugins.power"
	get := func(key string) string {
		c := exec.CommandContext(ctx, "gsettings", "get", schema, key) //nolint:gosec // G204: fixed words
		c.Env = secret.HelperEnvironment()
		out, err := c.Output()
		if err != nil {
			return ""
		}
		return strings.Trim(strings.TrimSpace(string(out)), "'")
	}
	seconds, err := strconv.Atoi(get("sleep-inactive-ac-timeout"))
	if err != nil || seconds == 0 || !goesToSleep(get("sleep-inactive-ac-type")) {
		return nil
	}
	return slept("the desktop suspends it after " + (time.Duration(seconds) * time.Second).String() + " without a key press")
}

func slept(why string) []Finding {
	return []Finding{{
		ID: "sleep", Title: "This machine may go to sleep", Remedy: sleepRemedy,
		Text: "This machine goes to sleep by itself (" + why + "). Jobs are not served meanwhile.",
	}}
}
