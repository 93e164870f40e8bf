package copy

import "runtime/metrics"

// memoryNow is the memory that the Go runtime has from the system, in bytes.
func memoryNow() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// peakMemory is the largest memory of the process so far: what the system says where it keeps that, else the largest
// of what was seen.
func peakMemory(seen int64) int64 {
	if p := systemPeak(); p > 0 {
		return p
	}
	return max(seen, memoryNow())
}
