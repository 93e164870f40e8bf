package copy

import (
	"log/slog"
	"time"

	"dmgateway/engine/report"
)

// Stages of a run, as report.Progress names them.
const (
	stageConnecting = "connecting"
	stagePlanning   = "planning"
	stagePreparing  = "preparing"
	stageCopying    = "copying"
	stageFinishing  = "finishing"
)

// rateWindow is the number of seconds over which rates are averaged: short enough to follow a change, long enough not
// to jump with every batch.
const rateWindow = 5

// watcher tells progress once a second from one goroutine, which it owns.
type watcher struct {
	meter   *meter
	tell    func(report.Progress)
	log     *slog.Logger
	started time.Time
	stop    chan struct{}
	stopped chan struct{}
	samples []moment // the last rateWindow+1 seconds
	peak    int64    // largest memory seen, for systems that do not keep it
}

type moment struct {
	at          time.Time
	rows, bytes int64
}

// watch starts to tell; end must be called.
func watch(m *meter, started time.Time, log *slog.Logger, tell func(report.Progress)) *watcher {
	w := &watcher{meter: m, tell: tell, log: log, started: started, stop: make(chan struct{}), stopped: make(chan struct{})}
	go w.run()
	return w
}

// end tells a last time and waits for the goroutine.
func (w *watcher) end() {
	close(w.stop)
	<-w.stopped
}

func (w *watcher) run() {
	defer close(w.stopped)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.once()
		case <-w.stop:
			w.once()
			return
		}
	}
}

func (w *watcher) once() {
	w.peak = max(w.peak, memoryNow())
	p := w.progress(time.Now())
	if w.tell == nil {
		return
	}
	if err := guarded(w.log, func() error { w.tell(p); return nil }); err != nil {
		w.tell = nil // a listener that panics is not asked again; the copy goes on
	}
}

// progress describes this moment.
func (w *watcher) progress(now time.Time) report.Progress {
	m := w.meter
	p := report.Progress{
		Stage: *m.stage.Load(), RowsRead: m.rowsRead.Load(), RowsCopied: m.rowsCopied.Load(), RowsSkipped: m.rowsSkipped.Load(),
		BytesRead: m.bytesRead.Load(), BytesWritten: m.bytesWritten.Load(),
		FilesRead: m.filesRead.Load(), FilesWritten: m.filesWritten.Load(),
		Partitions: int(m.partitions.Load()), Done: int(m.done.Load()), Elapsed: now.Sub(w.started),
	}
	w.samples = append(w.samples, moment{now, p.RowsRead, p.BytesRead})
	if len(w.samples) > rateWindow+1 {
		w.samples = w.samples[1:]
	}
	if old := w.samples[0]; now.After(old.at) {
		seconds := now.Sub(old.at).Seconds()
		p.RowsPerSec = max(0, float64(p.RowsRead-old.rows)/seconds)
		p.BytesPerSec = max(0, float64(p.BytesRead-old.bytes)/seconds)
	}
	p.Share, p.Left = w.share(p)
	return p
}

// share is the part that is done, by the best measure there is: bytes, rows, partitions; and the time left at the
// present rate.
func (w *watcher) share(p report.Progress) (share float64, left time.Duration) {
	switch bytes, rows := w.meter.planBytes.Load(), w.meter.planRows.Load(); {
	case p.Stage == stageFinishing, p.Stage == stageVerifying:
		return 1, 0
	case p.Partitions > 0 && p.Done == p.Partitions:
		return 1, 0
	case bytes > 0:
		return part(p.BytesRead, bytes), rest(bytes-p.BytesRead, p.BytesPerSec)
	case rows > 0:
		return part(p.RowsRead, rows), rest(rows-p.RowsRead, p.RowsPerSec)
	case p.Partitions > 1:
		return part(int64(p.Done), int64(p.Partitions)), 0
	}
	return -1, 0
}

// part stays under 1 while the copy goes on: estimates may be too low.
func part(done, all int64) float64 { return min(float64(done)/float64(all), 0.99) }

func rest(left int64, perSecond float64) time.Duration {
	if left <= 0 || perSecond <= 0 {
		return 0
	}
	return time.Duration(float64(left) / perSecond * float64(time.Second))
}
