package engine

import (
	"context"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
)

// Load is how busy the machine is.
type Load struct {
	CPU         float64 `json:"cpu"`    // of all cores together, 0 to 1, since the last time it was asked for
	Memory      int64   `json:"memory"` // bytes that are in use
	TotalMemory int64   `json:"totalMemory"`
}

// loadMeter remembers the processor's times of the last answer. Sums of the heartbeat are not touched by it.
type loadMeter struct {
	mu         sync.Mutex
	at         time.Time
	busy, all  float64
	last       Load
	everLooked bool
}

// betweenLoads is how long an answer stands: over less time the processor's clock ticks say nothing.
const betweenLoads = 500 * time.Millisecond

// Load is how busy the machine is. The first answer has no processor time yet.
func (e *Engine) Load(ctx context.Context) (Load, error) { return e.load.look(ctx, time.Now()) }

func (m *loadMeter) look(ctx context.Context, now time.Time) (Load, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.everLooked && now.Sub(m.at) < betweenLoads {
		return m.last, nil
	}
	memory, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return Load{}, err
	}
	times, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return Load{}, err
	}
	load := Load{Memory: int64(memory.Total - memory.Available), TotalMemory: int64(memory.Total)}
	for _, t := range times {
		idle := t.Idle + t.Iowait
		all := t.User + t.System + t.Nice + t.Irq + t.Softirq + t.Steal + idle
		if m.everLooked && all > m.all {
			load.CPU = min(max((all-idle-m.busy)/(all-m.all), 0), 1)
		}
		m.busy, m.all = all-idle, all
	}
	m.at, m.everLooked, m.last = now, true, load
	return load, nil
}
