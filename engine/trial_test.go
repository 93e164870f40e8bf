package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestSuspectsAreStartedOneAtATimeBeforeAllOthers(t *testing.T) {
	t.Parallel()
	p := newPoolUnderTest(4)
	p.put("a", 1)
	p.putAfter("s1", 1, suspectAfter)
	p.putAfter("s2", 1, suspectAfter)
	p.put("b", 1)
	p.open()
	p.expect(t, "s1.1")
	p.done(p.tasks["s1.1"])
	p.expect(t, "s1.1", "s2.1")
	p.clear(p.tasks["s2.1"]) // it gets on
	p.expect(t, "s1.1", "s2.1", "a.1", "b.1")
	p.close()
}

func TestASuspectWaitsToBeAloneButNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPoolUnderTest(3)
		p.open()
		p.put("long", 1)
		p.putAfter("s", 1, suspectAfter)
		p.put("b", 1)
		p.expect(t, "long.1")
		time.Sleep(probation + time.Second)
		synctest.Wait()
		p.expect(t, "long.1", "s.1")
		time.Sleep(probation + time.Second) // it lives
		synctest.Wait()
		p.expect(t, "long.1", "s.1", "b.1")
		p.close()
	})
}

func TestNoNewJobsAreWantedDuringATrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPoolUnderTest(3)
		p.open()
		p.putAfter("s", 1, suspectAfter)
		free := make(chan error, 1)
		go func() { free <- p.free(t.Context()) }()
		synctest.Wait()
		if len(free) > 0 {
			t.Error("one more is wanted")
		}
		p.done(p.tasks["s.1"])
		if err := <-free; err != nil || !slices.Equal(p.held(), nil) {
			t.Error(err, p.held())
		}
	})
}

func TestATaskAtItsLastDeathIsNoSuspectAnyMore(t *testing.T) {
	t.Parallel()
	p := newPoolUnderTest(3)
	p.open()
	p.putAfter("s", 1, mostDeaths) // it will only be told to fail
	p.put("b", 1)
	p.expect(t, "s.1", "b.1")
}
