package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The heap is collected when it has reached heapGoal, or more than that by the share of what is in use that leastGrow says.
// The runtime's own rule, as much again as is in use, collects a copy of small buffers all the time and lets one of large
// buffers take twice what it needs. Beyond heapMost, where giant rows bring it, the heap is collected when it has grown by
// tightGrow; such a heap is a few large buffers, which cost the collector next to nothing.
const (
	heapGoal  = 24 << 20
	heapMost  = 176 << 20
	leastGrow = 40
	tightGrow = 20
	mostGrow  = 400
)

// processMost is what the runtime tries to hold the whole process to, by returning free memory at once.
const processMost = 240 << 20

// tuneCollector sets that rule for the rest of the process, unless GOGC is given.
func tuneCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	c := &collector{sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	c.set(mostGrow)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(processMost)
	}
	c.watch()
}

// collector follows what is in use after each collection.
type collector struct {
	sample  []metrics.Sample
	percent int
}

// watch calls adjust after the next collection, and so on: an object that nobody uses is found by each of them.
func (c *collector) watch() {
	runtime.SetFinalizer(new([16]byte), func(*[16]byte) {
		c.adjust()
		c.watch()
	})
}

func (c *collector) adjust() {
	metrics.Read(c.sample)
	if live := c.sample[0].Value.Uint64(); live > 0 {
		c.set(growth(live))
	}
}

// growth is the percentage for live bytes.
func growth(live uint64) int {
	room := uint64(0)
	if live < heapGoal {
		room = heapGoal - live
	}
	if live > heapMost*100/(100+leastGrow) {
		if live >= heapMost {
			return tightGrow
		}
		return max(tightGrow, int((heapMost-live)*100/live))
	}
	return max(leastGrow, int(min(mostGrow, room*100/live)))
}

// set changes the percentage where it differs by more than a tenth: a change stops the program for a moment.
func (c *collector) set(percent int) {
	if d := percent - c.percent; d*d*100 <= c.percent*c.percent {
		return
	}
	c.percent = percent
	debug.SetGCPercent(percent)
}
