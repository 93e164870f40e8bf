package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// pair is one copy that several tools can do; the last contender is ours.
type pair struct {
	name       string
	goal       string  // "≤ 0.70 × psql": what is asked of ours
	bytes      float64 // of the data, for MB/s
	before     func() error
	after      func() error // checks what was written
	setup      func() error // once, before the first run
	contenders []contender
	report     func() // prints what there is to say beside the table
}

// contender is a tool's way to do it.
type contender struct {
	name    string
	command []string
	measure
}

type measure struct {
	wall, cpu []float64 // seconds of each run
	peak      int64     // bytes, of its largest process
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// measure runs the contenders in turns and prints their medians.
func (p pair) measure(ctx context.Context, b *bench) error {
	if err := call(p.setup); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	fmt.Printf("\n### %s\n\n", p.name)
	if p.goal != "" {
		fmt.Printf("Goal: %s.\n\n", p.goal)
	}
	for range b.times {
		for i := range p.contenders {
			c := &p.contenders[i]
			if err := errors.Join(call(p.before), c.run(ctx), call(p.after)); err != nil {
				return fmt.Errorf("%s: %s: %w", p.name, c.name, err)
			}
		}
	}
	fmt.Printf("| | wall s | MB/s | client CPU s | peak MB | dmgcmd takes |\n| --- | --- | --- | --- | --- | --- |\n")
	ours := median(p.contenders[len(p.contenders)-1].wall)
	for i := range p.contenders {
		c := &p.contenders[i]
		wall, ratio := median(c.wall), ""
		if i < len(p.contenders)-1 {
			ratio = fmt.Sprintf("%.2f ×", ours/wall)
		}
		fmt.Printf("| %s | %.3f | %.0f | %.3f | %d | %s |\n", strings.ReplaceAll(c.name, "|", `\|`), wall, p.bytes/1e6/wall, median(c.cpu), c.peak>>20, ratio)
	}
	if p.report != nil {
		fmt.Println()
		p.report()
	}
	return nil
}

func (c *contender) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, output.String())
	}
	c.wall = append(c.wall, time.Since(start).Seconds())
	c.cpu = append(c.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	c.peak = max(c.peak, peak(cmd.ProcessState))
	return nil
}

func median(list []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(list), cmp.Compare)
	return sorted[len(sorted)/2]
}

// shell is a command with pipes and redirections.
func shell(format string, args ...any) []string {
	return []string{"/bin/bash", "-o", "pipefail", "-c", fmt.Sprintf(format, args...)}
}

// have keeps the contenders whose program is on the PATH, and tells the others.
func have(program string, c contender) []contender {
	if _, err := exec.LookPath(program); err != nil {
		fmt.Printf("\nleft out: %s is not on the PATH\n", program)
		return nil
	}
	return []contender{c}
}

func contenders(lists ...[]contender) []contender { return slices.Concat(lists...) }

func one(name string, command []string) []contender {
	return []contender{{name: name, command: command}}
}
