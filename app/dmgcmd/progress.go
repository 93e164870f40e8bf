package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"dmgateway/engine"
)

// meter shows a copy's progress: a bar that redraws itself on a terminal, a line every few seconds elsewhere.
type meter struct {
	w        io.Writer
	terminal bool
	last     time.Time
	drawn    bool
}

const meterInterval = 5 * time.Second

func newMeter(w io.Writer) *meter {
	f, ok := w.(*os.File)
	return &meter{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

func (m *meter) show(p engine.Progress) {
	if !m.terminal {
		if time.Since(m.last) < meterInterval {
			return
		}
		m.last = time.Now()
		fmt.Fprintln(m.w, progressText(p))
		return
	}
	const width = 24
	bar := ""
	if p.Share >= 0 {
		full := int(p.Share * width)
		bar = fmt.Sprintf("[%s%s] ", strings.Repeat("#", full), strings.Repeat(".", width-full))
	}
	fmt.Fprintf(m.w, "\r\x1b[K%s%s", bar, progressText(p))
	m.drawn = true
}

// done ends the bar's line.
func (m *meter) done() {
	if m.drawn {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.drawn = false
	}
}

func progressText(p engine.Progress) string {
	var parts []string
	if p.Share >= 0 {
		parts = append(parts, fmt.Sprintf("%3.0f %%", p.Share*100))
	} else {
		parts = append(parts, p.Stage)
	}
	if p.RowsCopied > 0 || p.FilesWritten == 0 {
		parts = append(parts, count(p.RowsCopied)+" rows")
	}
	if p.FilesRead > 0 {
		parts = append(parts, count(p.FilesRead)+" files")
	}
	parts = append(parts, bytesText(p.BytesRead))
	if p.RowsPerSec > 0 {
		parts = append(parts, count(int64(p.RowsPerSec))+" rows/s")
	}
	if p.BytesPerSec > 0 {
		parts = append(parts, bytesText(int64(p.BytesPerSec))+"/s")
	}
	if p.Left > 0 {
		parts = append(parts, p.Left.Round(time.Second).String()+" left")
	}
	return strings.Join(parts, "  ")
}
