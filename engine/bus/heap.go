package bus

import "container/heap"

// readyHeap orders messages by sequence number.
type readyHeap []*message

func (h readyHeap) Len() int           { return len(h) }
func (h readyHeap) Less(i, j int) bool { return h[i].seq < h[j].seq }
func (h readyHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].readyIndex, h[j].readyIndex = i, j
}

func (h *readyHeap) Push(x any) {
	m := x.(*message)
	m.readyIndex = len(*h)
	*h = append(*h, m)
}

func (h *readyHeap) Pop() any {
	m := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	m.readyIndex = -1
	return m
}

// timerHeap orders messages by when something has to be done about them.
type timerHeap []*message

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].timer() < h[j].timer() }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].timerIndex, h[j].timerIndex = i, j
}

func (h *timerHeap) Push(x any) {
	m := x.(*message)
	m.timerIndex = len(*h)
	*h = append(*h, m)
}

func (h *timerHeap) Pop() any {
	m := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	m.timerIndex = -1
	return m
}

// timer is when something has to be done about a message: its lock ends, its time has come, its life is over. 0 is never.
func (m *message) timer() int64 {
	at := int64(0)
	switch m.place {
	case placeLocked:
		at = m.until
	case placeScheduled:
		at = m.due
	case placeReady, placeDeferred:
		at = m.expires
	}
	if at == 0 && m.place != placeReady {
		return 0
	}
	return max(at, m.hold)
}

// fixTimer puts a message where its timer belongs.
func (h *timerHeap) fixTimer(m *message) {
	at := m.timer()
	switch {
	case m.timerIndex >= 0 && at == 0:
		heap.Remove(h, m.timerIndex)
	case m.timerIndex >= 0:
		heap.Fix(h, m.timerIndex)
	case at != 0:
		heap.Push(h, m)
	}
}
