package engine

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func statusEvent(s State) Event { return Event{Status: &Status{State: s}} }

func jobEvent(id string, rows int64, ended bool) Event {
	j := &Job{ID: id, Attempt: 1, Status: InProgress, Progress: &Progress{RowsRead: rows}}
	if ended {
		j.Status, j.Ended = Succeeded, time.Now()
	}
	return Event{Job: j}
}

func next(t *testing.T, events <-chan Event) Event {
	t.Helper()
	select {
	case ev, ok := <-events:
		if !ok {
			t.Fatal("the subscription ended")
		}
		return ev
	case <-time.After(10 * time.Second):
		t.Fatal("no event")
		return Event{}
	}
}

func TestASubscriberBeginsWithTheStatusAndGetsEventsInOrder(t *testing.T) {
	t.Parallel()
	h := newHub()
	defer h.close()
	events := h.subscribe(t.Context(), func() Event { return statusEvent(Stopped) })
	if ev := next(t, events); ev.Status == nil || ev.Status.State != Stopped {
		t.Fatalf("first %+v", ev)
	}
	h.publish(jobEvent("a", 1, false))
	if ev := next(t, events); ev.Job == nil || ev.Job.ID != "a" {
		t.Fatalf("second %+v", ev)
	}
	h.publish(Event{Show: true})
	if ev := next(t, events); !ev.Show {
		t.Fatalf("third %+v", ev)
	}
	h.publish(Event{Notice: &Notice{ID: "n"}})
	if ev := next(t, events); ev.Notice == nil {
		t.Fatalf("fourth %+v", ev)
	}
}

func TestASlowSubscriberLosesProgressButNoEndAndNotTheNewestStatus(t *testing.T) {
	t.Parallel()
	h := newHub()
	defer h.close()
	events := h.subscribe(t.Context(), func() Event { return statusEvent(Stopped) })
	for i := range int64(5000) {
		h.publish(jobEvent("busy", i, false))
		h.publish(statusEvent(Connecting))
	}
	for i := range 500 {
		h.publish(jobEvent(fmt.Sprint("done", i), 0, true))
		h.publish(jobEvent(fmt.Sprint("other", i), 0, false))
		h.publish(jobEvent(fmt.Sprint("another", i), 0, false))
	}
	h.publish(statusEvent(Connected))
	h.publish(jobEvent("last", 0, true))
	ends, progress := map[string]bool{}, 0
	var status State
	for {
		ev := next(t, events)
		switch {
		case ev.Status != nil:
			status = ev.Status.State
		case ev.Job != nil && ev.Job.Ended.IsZero():
			progress++
		case ev.Job != nil:
			ends[ev.Job.ID] = true
		}
		if ends["last"] {
			break
		}
	}
	if len(ends) != 501 || status != Connected || progress > maxPending {
		t.Errorf("%d ends, status %s, %d progress events", len(ends), status, progress)
	}
}

func TestASubscriptionEndsWithItsContextAndWithTheHub(t *testing.T) {
	t.Parallel()
	h := newHub()
	ctx, cancel := context.WithCancel(t.Context())
	first := h.subscribe(ctx, func() Event { return statusEvent(Stopped) })
	second := h.subscribe(t.Context(), func() Event { return statusEvent(Stopped) })
	cancel()
	for range first {
	}
	next(t, second)
	h.close()
	if _, open := <-second; open {
		t.Error("open although the hub is closed")
	}
	if _, open := <-h.subscribe(t.Context(), func() Event { return statusEvent(Stopped) }); open {
		t.Error("subscribed to a closed hub")
	}
	h.publish(statusEvent(Stopped))
}
