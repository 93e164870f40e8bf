package browser

import (
	"fmt"
	"strings"

	"dmgateway/app/view"
)

// The charts' drawing is so many units wide and high.
const (
	chartWidth  = view.ChartLength
	chartHeight = 56
)

// chart is one chart as SVG.
type chart struct {
	view.Chart
	Lines []chartLine
}

// chartLine is a line and the area below it.
type chartLine struct {
	view.ChartLine
	Line, Area string
}

func chartsOf(charts []view.Chart) []chart {
	list := make([]chart, len(charts))
	for i, c := range charts {
		list[i].Chart = c
		for _, l := range c.Lines {
			list[i].Lines = append(list[i].Lines, drawn(l))
		}
	}
	return list
}

// drawn puts the newest value to the right.
func drawn(l view.ChartLine) chartLine {
	out := chartLine{ChartLine: l}
	if len(l.Values) == 0 {
		return out
	}
	var b strings.Builder
	first := chartWidth - len(l.Values)
	for i, v := range l.Values {
		fmt.Fprintf(&b, "%d,%.1f ", first+i+1, chartHeight-1-float64(min(max(v, 0), 1))*(chartHeight-2))
	}
	out.Line = strings.TrimSpace(b.String())
	out.Area = fmt.Sprintf("%d,%d %s %d,%d", first+1, chartHeight, out.Line, chartWidth, chartHeight)
	return out
}
