package view

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dmgateway/engine"
)

const (
	logPause  = 300 * time.Millisecond // between looks whether there is more
	logAround = 64                     // lines that are read on each side of those that are shown
)

// LogView reads a folder of logs for a person: it indexes the files from the newest line backwards and has only those
// lines in memory that are shown. Make one with [NewLogView], let it live with [LogView.Run]. The other methods return at
// once.
//
// Lines are counted from the first one of the newest piece of the log, upwards with what is written, downwards (below 0)
// with what is read of older files, so that a line keeps its number.
//
// A log of a million lines, 130 MB, on two shared cores of an AMD EPYC (BenchmarkAMillionLines): the newest lines after
// 21 ms, all after 0.25 s, a level after 4 ms, a search after 0.2 to 0.3 s; the index takes 6 MB.
type LogView struct {
	watched
	folder string
	wake   chan struct{}

	filter     LogFilter
	generation int // counts filters
	first, n   int // the lines that are shown
	collect    func(*logReader)
	s          LogMoment
}

// LogMoment is a moment of a [LogView].
type LogMoment struct {
	// Low and High bound the numbers of the wanted lines that are known: Low is the oldest one's, High that after the newest.
	Low, High int
	// First is the number of the first of Lines, which hold at least what was asked for, as far as it has been read.
	First int
	Lines []LogLine
	// Known is how many lines there are, wanted or not.
	Known int
	// Reading says that older lines are still being looked through, More that there are lines too old for that.
	Reading, More bool
	// Generation counts the filters: with each, lines are counted anew.
	Generation int
	Problem    *Problem
}

// NewLogView makes one for a folder of logs.
func NewLogView(folder string) *LogView {
	return &LogView{folder: folder, wake: make(chan struct{}, 1)}
}

// Snapshot is the present moment.
func (v *LogView) Snapshot() LogMoment {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.s // Lines is never changed, only replaced
}

// Filter wants other lines from now on.
func (v *LogView) Filter(f LogFilter) {
	f.Search = strings.Join(strings.Fields(f.Search), " ")
	v.mu.Lock()
	defer v.mu.Unlock()
	if f != v.filter {
		v.filter = f
		v.generation++
		v.poke()
	}
}

// Show asks for the text of n lines from a number on.
func (v *LogView) Show(first, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if first != v.first || n != v.n {
		v.first, v.n = first, n
		v.poke()
	}
}

func (v *LogView) poke() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Collect gives the newest lines that are wanted, at most n, as they stand in the files, to got, which is called from the
// goroutine of Run.
func (v *LogView) Collect(n int, got func(text string)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.collect = func(r *logReader) {
		var b strings.Builder
		for _, l := range r.texts(max(r.low, r.high-n), r.high) {
			b.WriteString(l.Raw + "\n")
		}
		got(b.String())
	}
	v.poke()
}

// Run reads until ctx ends.
func (v *LogView) Run(ctx context.Context) {
	r := &logReader{v: v, generation: -1}
	t := time.NewTicker(logPause)
	defer t.Stop()
	for ctx.Err() == nil {
		v.mu.Lock()
		filter, generation, first, n, collect := v.filter, v.generation, v.first, v.n, v.collect
		v.collect = nil
		v.mu.Unlock()
		changed := r.want(filter, generation)
		grown := r.grow()
		moved := r.load(first, n, changed || grown)
		more := r.step()
		if changed || grown || moved || more {
			r.tell()
		}
		if collect != nil {
			collect(r)
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-v.wake:
		}
	}
}

// logReader is what one Run has: it belongs to its goroutine.
type logReader struct {
	v          *LogView
	filter     LogFilter
	match      *matcher
	generation int
	run        string
	listed     bool
	present    string   // the file that is being written
	older      []string // files that are not cut into pieces yet, the newest last
	seen       map[string]bool
	list       []*piece // the oldest first
	chosen     int      // how many pieces, from the end, are filtered
	low, high  int
	known      int
	info       os.FileInfo // of the present file
	more       bool
	cache      unpacked
	first      int
	lines      []LogLine
	wanted     [2]int
	problem    error
}

// want takes in another filter: everything that was chosen is chosen anew, from the newest piece on.
func (r *logReader) want(f LogFilter, generation int) bool {
	if generation == r.generation {
		return false
	}
	r.filter, r.generation, r.match = f, generation, nil
	if f.Search != "" {
		r.match = newMatcher(f.Search)
	}
	if !r.listed || f.Run != r.run {
		r.open(f.Run)
	}
	for _, p := range r.list {
		p.hits, p.all = nil, false
	}
	r.chosen, r.low, r.high, r.lines, r.wanted = 0, 0, 0, nil, [2]int{}
	r.step()
	return true
}

// open begins with the files of the gateway's log or of one run's.
func (r *logReader) open(run string) {
	r.run, r.listed, r.list, r.known, r.more, r.info, r.problem = run, true, nil, 0, false, nil, nil
	r.seen, r.older, r.present = map[string]bool{}, nil, ""
	files := engine.LogFiles(r.v.folder, run)
	if len(files) == 0 {
		return
	}
	for _, f := range files[:len(files)-1] {
		r.seen[plainName(f)] = true
	}
	r.older = files[:len(files)-1]
	r.present = files[len(files)-1]
	info, err := os.Stat(r.present)
	if err == nil {
		r.info = info
		r.list, err = pieces(r.present)
	}
	if len(r.list) == 0 {
		r.list = []*piece{{file: &logFile{r.present}}}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.problem = err
	}
}

func plainName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".gz") }

// step does a part of what is left to do, and reports whether it did: it indexes and chooses the next older piece.
func (r *logReader) step() bool {
	if r.chosen == len(r.list) {
		if len(r.older) == 0 || r.more {
			return false
		}
		if r.known >= logMost {
			r.more = true
			return true
		}
		next := r.older[len(r.older)-1]
		r.older = r.older[:len(r.older)-1]
		list, err := pieces(next)
		if err != nil {
			r.problem = err
			return true
		}
		r.list = slices.Concat(list, r.list)
		return true
	}
	p := r.list[len(r.list)-1-r.chosen]
	r.chosen++
	if !p.known {
		r.read(p)
		r.known += len(p.starts)
	} else {
		var data []byte
		if r.match != nil {
			data = r.bytes(p)
		}
		p.choose(r.filter, r.match, 0, data, 0)
	}
	if r.chosen == 1 {
		r.high = p.wanted()
	} else {
		r.low -= p.wanted()
	}
	return true
}

// read indexes a piece for the first time.
func (r *logReader) read(p *piece) {
	data := r.bytes(p)
	done := p.add(data, 0, p != r.list[len(r.list)-1])
	if p.to != math.MaxInt64 {
		p.to = p.from + done
	}
	p.known = true
	p.choose(r.filter, r.match, 0, data, 0)
}

func (r *logReader) bytes(p *piece) []byte {
	data, err := p.file.read(&r.cache, p.from, p.to)
	if err != nil {
		r.problem = err
	}
	return data
}

// grow takes in what was written since, also where the present file was replaced meanwhile.
func (r *logReader) grow() bool {
	if len(r.list) == 0 {
		return false
	}
	last := r.list[len(r.list)-1]
	if !last.known {
		return false
	}
	info, err := os.Stat(r.present)
	if err != nil {
		return false // not there yet, or being replaced
	}
	if r.info != nil && (!os.SameFile(info, r.info) || info.Size() < last.to) {
		return r.replaced(last, info)
	}
	r.info = info
	if info.Size() <= last.to {
		return false
	}
	return r.append(last, min(info.Size(), last.to+logPiece))
}

// append indexes what came to the last piece; once that is large, what comes later gets a piece of its own.
func (r *logReader) append(last *piece, to int64) bool {
	if last.to-last.from >= logPiece {
		next := &piece{file: last.file, from: last.to, to: last.to, known: true}
		r.list = append(r.list, next)
		r.chosen++
		last = next
		last.choose(r.filter, nil, 0, nil, 0)
	}
	data, err := last.file.read(&r.cache, last.to, to)
	if err != nil || len(data) == 0 {
		return false
	}
	before, lines := last.wanted(), len(last.starts)
	at := last.to - last.from
	done := last.add(data, at, false)
	if done == 0 && len(data) >= logPiece { // one line longer than that
		done = int64(len(data))
	}
	if done == 0 {
		return false
	}
	last.to += done
	last.choose(r.filter, r.match, lines, data, uint32(at))
	r.known += len(last.starts) - lines
	r.high += last.wanted() - before
	return true
}

// replaced takes in that the present file got another name and a new one began. What was read keeps its place.
func (r *logReader) replaced(last *piece, info os.FileInfo) bool {
	files := engine.LogFiles(r.v.folder, r.run)
	var renamed []string
	for _, f := range files[:len(files)-1] {
		if !r.seen[plainName(f)] {
			renamed = append(renamed, f)
		}
	}
	if len(renamed) != 1 {
		r.generation = -1 // more than one change at a time, or the file was cut: begin anew
		r.listed = false
		return true
	}
	r.seen[plainName(renamed[0])] = true
	last.file.path = renamed[0]
	if rest, err := last.file.read(&r.cache, last.to, last.to+logPiece); err == nil && len(rest) > 0 {
		r.append(last, last.to+int64(len(rest)))
	}
	next := &piece{file: &logFile{r.present}, known: true}
	next.choose(r.filter, nil, 0, nil, 0)
	r.list = append(r.list, next)
	r.chosen++
	r.info = info
	return true
}

// load reads the lines that are shown, and some around.
func (r *logReader) load(first, n int, changed bool) bool {
	from, to := max(r.low, first-logAround), min(r.high, first+n+logAround)
	if from >= to {
		if len(r.lines) == 0 {
			return false
		}
		r.lines, r.wanted = nil, [2]int{}
		return true
	}
	if !changed && first >= r.wanted[0] && min(first+n, r.high) <= r.wanted[1] && max(first, r.low) >= r.wanted[0] {
		return false
	}
	if r.wanted == [2]int{from, to} {
		return false
	}
	r.lines, r.first, r.wanted = r.around(from, to), from, [2]int{from, to}
	return true
}

// around are the lines with the numbers from one to another; those that are in memory are not read again.
func (r *logReader) around(from, to int) []LogLine {
	a, b := max(from, r.first), min(to, r.first+len(r.lines))
	if a >= b {
		return r.texts(from, to)
	}
	return slices.Concat(r.texts(from, a), r.lines[a-r.first:b-r.first], r.texts(b, to))
}

// texts are the lines with the numbers from one to another.
func (r *logReader) texts(from, to int) []LogLine {
	if from >= to {
		return nil
	}
	list := make([]LogLine, 0, to-from)
	number := r.low
	for _, p := range r.list[len(r.list)-r.chosen:] {
		n := p.wanted()
		begin, end := max(0, from-number), min(n, to-number)
		number += n
		if begin >= end {
			continue
		}
		start := p.starts[p.line(begin)]
		stop := p.to
		if after := p.line(end-1) + 1; after < len(p.starts) {
			stop = p.from + int64(p.starts[after])
		}
		data, err := p.file.read(&r.cache, p.from+int64(start), stop)
		if err != nil {
			r.problem = err
		}
		for i := begin; i < end; i++ {
			list = append(list, ParseLogLine(string(lineAt(data, p.starts[p.line(i)]-start))))
		}
	}
	return list
}

func (r *logReader) tell() {
	m := LogMoment{
		Low: r.low, High: r.high, First: r.first, Lines: r.lines, Known: r.known, More: r.more, Generation: r.generation,
		Reading: r.chosen < len(r.list) || len(r.older) > 0 && !r.more, Problem: ProblemOf(r.problem),
	}
	r.v.change(func() { r.v.s = m })
}
