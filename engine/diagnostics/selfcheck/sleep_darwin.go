package selfcheck

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"dmgateway/engine/secret"
)

// sleepMinutes is the line of `pmset -g custom` or `pmset -g` that says after how many minutes the system sleeps.
var sleepMinutes = regexp.MustCompile(`(?m)^\s*sleep\s+(\d+)`)

// sleep tells whether the machine goes to sleep by itself, as pmset says of the power source in use.
func sleep(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "pmset", "-g")
	c.Env = secret.HelperEnvironment()
	out, err := c.Output()
	if err != nil {
		return nil
	}
	m := sleepMinutes.FindSubmatch(out)
	if m == nil {
		return nil
	}
	if minutes, err := strconv.Atoi(string(m[1])); err != nil || minutes == 0 {
		return nil
	}
	return []Finding{{
		ID: "sleep", Title: "This machine may go to sleep", Remedy: sleepRemedy,
		Text: "This machine sleeps after " + string(m[1]) + " minutes without input. Jobs are not served meanwhile.",
	}}
}
