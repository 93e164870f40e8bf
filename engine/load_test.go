package engine

import (
	"testing"
	"time"
)

func TestLoadOfTheMachine(t *testing.T) {
	t.Parallel()
	var m loadMeter
	now := time.Now()
	first, err := m.look(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	if first.CPU != 0 || first.Memory <= 0 || first.TotalMemory <= first.Memory {
		t.Errorf("at first it says %+v", first)
	}
	if again, err := m.look(t.Context(), now.Add(betweenLoads/2)); err != nil || again != first {
		t.Errorf("too soon it says %+v, %v instead of what it said before", again, err)
	}
	m.busy, m.all = m.busy-50, m.all-100
	half, err := m.look(t.Context(), now.Add(betweenLoads))
	if err != nil || half.CPU < 0.3 || half.CPU > 0.7 {
		t.Errorf("of 100 s, 50 of them busy, it says %+v, %v", half, err)
	}
	m.busy, m.all = m.busy+1e6, m.all+1e6
	if back, err := m.look(t.Context(), now.Add(3*betweenLoads)); err != nil || back.CPU != 0 {
		t.Errorf("with a clock that went back it says %+v, %v", back, err)
	}
}
