package engine

import (
	"context"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"

	"dmgateway/engine/endpoint"
	"dmgateway/engine/protocol"
	"dmgateway/engine/supervise"
)

// heartbeats tells the factory how this node is, as often as it wants to hear it.
func (s *session) heartbeats(ctx context.Context, pulse *supervise.Pulse) error {
	supervise.Every(ctx, pulse, max(s.id.Heartbeat, 100*time.Millisecond), func(context.Context) { s.ch.Report(s.heartbeat()) })
	return ctx.Err()
}

func (s *session) heartbeat() protocol.Event {
	at := s.e.machine.position()
	// What is sent arrives only over a connection that works.
	if at.state == Connecting || at.state == Disconnected {
		at.state, at.reason = Connected, ""
	}
	ev := s.event(protocol.EventHeartbeat)
	ev.Heartbeat = &protocol.Heartbeat{
		NodeName: s.id.NodeName, Version: s.e.o.Version, State: string(at.state), Reason: at.reason,
		Running: s.pool.runningNow(), Limit: s.e.jobLimit(), Jobs: s.pool.held(),
	}
	if at := s.e.endpointStatus(); at.State == endpoint.On {
		ev.Heartbeat.Endpoint = at.URL
	}
	ev.Heartbeat.Update = s.e.heartbeatUpdate()
	if percent, err := cpu.Percent(0, false); err == nil && len(percent) == 1 {
		ev.Heartbeat.CPU = percent[0]
	}
	if m, err := mem.VirtualMemory(); err == nil {
		ev.Heartbeat.Memory = int64(m.Available)
	}
	return ev
}
