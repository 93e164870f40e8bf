package network

import (
	"fmt"
	"io"
	"strings"
	"time"
)

var marks = map[string]string{OK: "✓", Warning: "!", Failed: "✗", Skipped: "–"}

// WriteText writes the check as a tree for a terminal.
func (c Check) WriteText(w io.Writer) error {
	var b strings.Builder
	title := c.Name
	if c.Address != "" {
		title += "  " + c.Address
	}
	fmt.Fprintf(&b, "%s %s\n", marks[c.State()], clean(title))
	for _, s := range c.Steps {
		writeLines(&b, fmt.Sprintf("    %s %-10s ", marks[s.State], s.Name), clean(s.Detail)+took(s))
		if s.Remedy != "" {
			writeLines(&b, strings.Repeat(" ", 17)+"→ ", clean(s.Remedy))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeLines writes a text behind a margin, as many lines as it needs.
func writeLines(b *strings.Builder, margin, text string) {
	for _, line := range wrap(text, 92) {
		b.WriteString(strings.TrimRight(margin+line, " ") + "\n")
		margin = strings.Repeat(" ", len([]rune(margin)))
	}
}

func took(s Step) string {
	if s.State == Skipped || s.Took < time.Millisecond {
		return ""
	}
	return "  (" + strings.ReplaceAll(short(s.Took), " ", "\u00a0") + ")"
}

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// wrap breaks a text into lines of at most n runes, where it can.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > n {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Verdict is the report in one sentence.
func (r Report) Verdict() string {
	count := map[string]int{}
	for _, c := range r.Checks {
		count[c.State()]++
	}
	switch {
	case count[Failed] == 1:
		return "One check failed."
	case count[Failed] > 1:
		return fmt.Sprintf("%d checks failed.", count[Failed])
	case count[Warning] > 0:
		return "Nothing failed, but look at what is marked with an exclamation mark."
	case count[OK] == 0:
		return "There was nothing to check."
	}
	return "Everything that was tried works."
}

// WriteSummary writes what comes after the checks: the verdict and the firewall's list.
func (r Report) WriteSummary(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s (%s)\n", r.Verdict(), short(r.Took))
	if len(r.Needed) > 0 {
		b.WriteString("\nFor the firewall's administrator, outbound:\n")
		for _, n := range r.Needed {
			need := "needed"
			if !n.Required {
				need = "one of these"
			}
			fmt.Fprintf(&b, "    %-44s %5d  %-18s  %-12s  %s\n", clean(n.Host), n.Port, n.Protocol, need, clean(n.For))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteText writes the whole report.
func (r Report) WriteText(w io.Writer) error {
	for _, c := range r.Checks {
		if err := c.WriteText(w); err != nil {
			return err
		}
	}
	return r.WriteSummary(w)
}
