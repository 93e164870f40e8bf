package view

import (
	"context"
	"math"
	"strconv"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// Charts show the last five minutes, one moment a second.
const (
	chartMoments = 300
	betweenLooks = time.Second
)

// moment is what the charts show of one second.
type moment struct{ rows, bytes, cpu, memory float64 }

// course is the last moments, as a ring.
type course struct {
	ring  [chartMoments]moment
	next  int
	count int
	load  engine.Load
}

func (c *course) add(m moment) {
	c.ring[c.next] = m
	c.next = (c.next + 1) % chartMoments
	c.count = min(c.count+1, chartMoments)
}

// line gives one value of all moments, the newest last.
func (c *course) line(value func(moment) float64) []float32 {
	out := make([]float32, c.count)
	for i := range out {
		out[i] = float32(value(c.ring[(c.next-c.count+i+chartMoments)%chartMoments]))
	}
	return out
}

// loader is an engine that knows how busy its machine is.
type loader interface {
	Load(ctx context.Context) (engine.Load, error)
}

// measure notes a moment a second until ctx ends. Nobody is told: who shows charts looks once a second.
func (m *Model) measure(ctx context.Context) {
	tick := time.NewTicker(betweenLooks)
	defer tick.Stop()
	for {
		m.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *Model) look(ctx context.Context) {
	var load engine.Load
	if l, can := m.ctl.(loader); can {
		if got, err := l.Load(ctx); err == nil {
			load = got
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := moment{cpu: load.CPU}
	if load.TotalMemory > 0 {
		at.memory = float64(load.Memory) / float64(load.TotalMemory)
	}
	for _, j := range m.s.Jobs {
		if p := j.Progress; p != nil && !ended(j) {
			at.rows += p.RowsPerSec
			at.bytes += p.BytesPerSec
		}
	}
	m.course.load = load
	m.course.add(at)
}

// Chart is one chart: lines over the last five minutes, the newest value last, each from 0 to 1 of the chart's height.
type Chart struct {
	Title string
	// Now is the newest value in words, Peak the height of the chart.
	Now, Peak string
	Lines     []ChartLine
}

// ChartLine is one line of a chart. Name is "" where there is only one.
type ChartLine struct {
	Name, Now string
	Values    []float32
}

// ChartLength is how many moments a chart has room for.
const ChartLength = chartMoments

// Charts gives how fast is being copied and how busy the machine is. The second is missing where the engine cannot tell.
func (m *Model) Charts() []Chart {
	m.mu.Lock()
	rows := m.course.line(func(a moment) float64 { return a.rows })
	bytes := m.course.line(func(a moment) float64 { return a.bytes })
	cpu := m.course.line(func(a moment) float64 { return a.cpu })
	memory := m.course.line(func(a moment) float64 { return a.memory })
	load := m.course.load
	m.mu.Unlock()
	charts := []Chart{speedChart(rows, bytes)}
	if load.TotalMemory > 0 {
		charts = append(charts, Chart{
			Title: words.T("This computer"), Peak: "100 %",
			Lines: []ChartLine{
				{Name: words.T("Processor"), Now: percent(last(cpu)), Values: cpu},
				{Name: words.T("Memory"), Now: words.T("%s of %s", Size(load.Memory), Size(load.TotalMemory)), Values: memory},
			},
		})
	}
	return charts
}

// speedChart shows rows, or bytes where only files are copied as they are.
func speedChart(rows, bytes []float32) Chart {
	values, name := rows, func(v float64) string { return words.T("%s rows/s", roundCount(v)) }
	c := Chart{Title: words.T("Rows per second")}
	if highest(rows) == 0 && highest(bytes) > 0 {
		values, name = bytes, func(v float64) string { return Size(int64(v)) + "/s" }
		c.Title = words.T("Data per second")
	}
	c.Now = name(float64(last(values)))
	if last(values) == 0 {
		c.Now = words.T("nothing is being copied")
	}
	top := niceTop(float64(highest(values)))
	if top > 0 {
		c.Peak = name(top)
		for i := range values {
			values[i] /= float32(top)
		}
	}
	c.Lines = []ChartLine{{Values: values}}
	return c
}

// niceTop is the least 1, 2 or 5 times a power of ten that is not below a value.
func niceTop(v float64) float64 {
	if v <= 0 {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*power {
			return n * power
		}
	}
	return 10 * power
}

func highest(values []float32) float32 {
	var top float32
	for _, v := range values {
		top = max(top, v)
	}
	return top
}

func last(values []float32) float32 {
	if len(values) == 0 {
		return 0
	}
	return values[len(values)-1]
}

func percent(share float32) string { return strconv.Itoa(int(math.Round(float64(share)*100))) + " %" }
