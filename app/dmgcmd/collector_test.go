package main

import "testing"

func TestHeapGrowsToItsGoalAndByAShareBeyond(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{
		1 << 20:   mostGrow,
		8 << 20:   200,
		12 << 20:  100,
		24 << 20:  leastGrow,
		120 << 20: leastGrow,
		170 << 20: tightGrow,
		1 << 30:   tightGrow,
		1<<64 - 1: tightGrow,
	} {
		if got := growth(live); got != want {
			t.Errorf("%d bytes in use: %d %%, want %d %%", live, got, want)
		}
	}
}

func TestCollectorStaysWhereTheChangeIsSmall(t *testing.T) {
	c := &collector{percent: 100}
	c.set(105)
	if c.percent != 100 {
		t.Errorf("changed to %d %%", c.percent)
	}
}
