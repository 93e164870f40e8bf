package selfcheck

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"dmgateway/engine/secret"
)

// The GUIDs that Windows gives to the group of sleep settings and to its two times without input (powercfg /aliases:
// SUB_SLEEP, STANDBYIDLE, HIBERNATEIDLE).
const (
	subSleep      = "238c9fa8-0aad-41ed-83f4-97be242c8f20"
	standbyIdle   = "29f6c1db-86da-48c5-9fdb-f2b67b1f44da"
	hibernateIdle = "9d7815a6-7ee4-497e-8888-515a05f02364"
)

// acIndex is a power setting's value on mains power in powercfg's answer: the first of the two hexadecimal values, the
// second being on battery. The words around them are translated; order and notation are not.
var acIndex = regexp.MustCompile(`0x([0-9a-fA-F]{8})\s*\r?\n[^\r\n]*0x[0-9a-fA-F]{8}`)

// sleep tells whether the active power plan sends the machine to sleep on mains power.
func sleep(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, s := range []struct{ id, what string }{{standbyIdle, "sleeps"}, {hibernateIdle, "hibernates"}} {
		c := exec.CommandContext(ctx, "powercfg", "/query", "scheme_current", subSleep, s.id)
		c.Env = secret.HelperEnvironment()
		out, err := c.Output()
		if err != nil {
			continue
		}
		m := acIndex.FindSubmatch(out)
		if m == nil {
			continue
		}
		if seconds, err := strconv.ParseUint(string(m[1]), 16, 32); err == nil && seconds > 0 {
			return []Finding{{
				ID: "sleep", Title: "This machine may go to sleep", Remedy: sleepRemedy,
				Text: "This machine " + s.what + " after " + (time.Duration(seconds) * time.Second).String() + " without input. Jobs are not served meanwhile.",
			}}
		}
	}
	return nil
}
