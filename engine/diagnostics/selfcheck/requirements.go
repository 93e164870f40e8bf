package selfcheck

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"
)

// What a machine has to have. A copy holds some batches of rows for each partition that it runs at the same time; in less
// memory than memoryGrave even a small one does not fit beside the system.
const (
	memoryLow, memoryGrave = 1 << 30, 512 << 20
	memoryRemedy           = "Give the machine 2 GB of memory, or let fewer jobs run at the same time (setting \"joblimit\")."
	systemRemedy           = "Update the system, or run the gateway on a newer one. Until then nobody can say whether it works."
)

// oldest are the systems' versions that Go 1.26 still supports (go.dev/wiki/MinimumRequirements), and how people call them.
var oldest = map[string]struct {
	major, minor int
	name         string
}{
	"linux":   {3, 2, "Linux 3.2"},
	"windows": {10, 0, "Windows 10 or Windows Server 2016"},
	"darwin":  {12, 0, "macOS 12"},
}

// Requirements looks at what does not change while the gateway runs: the system's version, its memory, and whether it goes
// to sleep by itself. It can be asked before anything is set up.
func Requirements(ctx context.Context) []Finding {
	var list []Finding
	if v, err := systemVersion(ctx); err == nil {
		list = append(list, system(runtime.GOOS, v)...)
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		list = append(list, memory(m.Total)...)
	}
	return append(list, sleep(ctx)...)
}

// systemVersion is the kernel's on Linux, else the system's own.
func systemVersion(ctx context.Context) (string, error) {
	if runtime.GOOS == "linux" {
		return host.KernelVersionWithContext(ctx)
	}
	_, _, v, err := host.PlatformInformationWithContext(ctx)
	return v, err
}

func system(goos, version string) []Finding {
	least, known := oldest[goos]
	major, minor, ok := twoNumbers(version)
	if !known || !ok || major > least.major || major == least.major && minor >= least.minor {
		return nil
	}
	return []Finding{{
		ID: "system", Title: "This system is too old", Remedy: systemRemedy,
		Text: fmt.Sprintf("This machine runs version %s of its system; the gateway is made for %s or newer.", version, least.name),
	}}
}

// twoNumbers reads the first two of a version such as 6.1.0-18-amd64, 14.5 or "10.0.19045 Build 19045".
func twoNumbers(version string) (major, minor int, ok bool) {
	parts := strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if len(parts) == 0 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}
	if len(parts) > 1 {
		if minor, err = strconv.Atoi(parts[1]); err != nil {
			return 0, 0, false
		}
	}
	return major, minor, true
}

func memory(total uint64) []Finding {
	if total == 0 || total >= memoryLow {
		return nil
	}
	return []Finding{{
		ID: "memory", Title: "This machine has little memory", Grave: total < memoryGrave, Remedy: memoryRemedy,
		Text: fmt.Sprintf("This machine has %s of memory. Large copies may fail for want of it, or slow everything down.", size(total)),
	}}
}
