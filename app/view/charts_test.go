package view_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// loaded is an engine that knows how busy its machine is.
type loaded struct{ *viewtest.Controller }

func (loaded) Load(context.Context) (engine.Load, error) {
	return engine.Load{CPU: 0.42, Memory: 3_000_000_000, TotalMemory: 8_000_000_000}, nil
}

func TestChartsOfTheLastFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := view.New(loaded{viewtest.Busy()}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go m.Run(ctx)
		defer func() { cancel(); synctest.Wait() }()
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		charts := m.Charts()
		if len(charts) != 2 {
			t.Fatalf("%d charts", len(charts))
		}
		speed, machine := charts[0], charts[1]
		if speed.Now != "68,200 rows/s" || speed.Peak != "100,000 rows/s" || len(speed.Lines[0].Values) != 11 {
			t.Errorf("%s, %s, %d values", speed.Now, speed.Peak, len(speed.Lines[0].Values))
		}
		if v := speed.Lines[0].Values[10]; v < 0.68 || v > 0.69 {
			t.Errorf("the line is at %v", v)
		}
		if machine.Lines[0].Now != "42 %" || machine.Lines[1].Now != "3.00 GB of 8.00 GB" || machine.Lines[1].Values[0] != 0.375 {
			t.Errorf("%+v", machine)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(m.Charts()[0].Lines[0].Values); n != view.ChartLength {
			t.Errorf("after ten minutes there are %d values", n)
		}
	})
}

func TestChartsWithoutWhatIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := run(t, viewtest.Idle(), nil)
		synctest.Wait()
		charts := m.Charts()
		if len(charts) != 1 || charts[0].Now != "nothing is being copied" || charts[0].Peak != "" {
			t.Errorf("%+v", charts)
		}
	})
}

func TestWhereOnlyFilesAreCopiedTheirBytesAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Busy()
		c.List = c.List[1:2]
		m := run(t, c, nil)
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := m.Charts()[0]; got.Title != "Data per second" || got.Now != "92.0 MB/s" || got.Peak != "100 MB/s" {
			t.Errorf("%+v", got)
		}
	})
}
