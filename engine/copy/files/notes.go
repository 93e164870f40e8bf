package files

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"dmgateway/engine/batch"
	"dmgateway/engine/format"
)

// maxNotes is how many columns are named that were not copied; the others are counted.
const maxNotes = 20

// maxColumns is how many of them are remembered.
const maxColumns = 10_000

// Notes collects the columns of a source's files that the source's schema does not have, from several readers at once.
type Notes struct {
	mu    sync.Mutex
	first map[string]place // by column
	full  bool
}

// place is where a column was seen.
type place struct {
	partition string // its ID: they are in the order of the files
	file      int    // number in the partition
	path      string
	row       int64 // 0 = the file's head names the column
	rest      bool  // row is counted from where a later piece of the file begins
}

func (p place) before(q place) bool {
	if p.partition != q.partition {
		return p.partition < q.partition
	}
	return p.file < q.file || p.file == q.file && p.row < q.row
}

func (n *Notes) add(column string, p place) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if q, ok := n.first[column]; ok {
		if p.before(q) {
			n.first[column] = p
		}
		return
	}
	if len(n.first) >= maxColumns {
		n.full = true
		return
	}
	if n.first == nil {
		n.first = map[string]place{}
	}
	n.first[column] = p
}

// Texts tells people each column once, with the place where it was seen first, in the order of these places.
func (n *Notes) Texts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	columns := make([]string, 0, len(n.first))
	for c := range n.first {
		columns = append(columns, c)
	}
	slices.SortFunc(columns, func(a, b string) int {
		x, y := n.first[a], n.first[b]
		switch {
		case x.before(y):
			return -1
		case y.before(x):
			return 1
		}
		return strings.Compare(a, b)
	})
	var texts []string
	for i, c := range columns {
		if i == maxNotes {
			least := ""
			if n.full {
				least = "At least "
			}
			texts = append(texts, fmt.Sprintf("%s%d more columns were not copied for the same reason.", least, len(columns)-i))
			break
		}
		texts = append(texts, n.first[c].text(c))
	}
	return texts
}

func (p place) text(column string) string {
	switch {
	case p.row == 0:
		return fmt.Sprintf("The column %q was not copied: the first file, which decides the columns, does not have it. It is in %q. Copy files with different columns by different activities.", column, p.path)
	case p.rest:
		return fmt.Sprintf("The property %q was not copied: the beginning of the first file, which decides the columns, does not show it. It is in %q, first in row %d of a later part of that file. Name it in the schema of the dataset, or give it a path in the mapping.", column, p.path, p.row)
	}
	return fmt.Sprintf("The property %q was not copied: the beginning of the first file, which decides the columns, does not show it. It is in %q, first in row %d. Name it in the schema of the dataset, or give it a path in the mapping.", column, p.path, p.row)
}

// Report makes the source tell n which columns its files have beside those of Schema. Call it before Open.
func (s *Source) Report(n *Notes) { s.notes = n }

// note tells what the current file has beside the source's columns. Those that the source has and nobody wants are left
// out on purpose.
func (r *reader) note() {
	x, ok := r.current.(format.Noter)
	if !ok || r.source.notes == nil {
		return
	}
	r.source.mu.Lock()
	known := r.source.schema
	r.source.mu.Unlock()
	if known == nil {
		return
	}
	p := place{partition: r.id, file: r.number, path: r.path, rest: r.part.Rest}
	for _, f := range x.Notes() {
		if !chosen(f.Column, known, r.want) {
			p.row = f.Row
			r.source.notes.add(f.Column, p)
		}
	}
}

// chosen reports whether the job knows a column of a file that was not read.
func chosen(name string, known, want batch.Schema) bool {
	i := known.Index(name)
	return i >= 0 && (known[i].Name == name || want.Index(known[i].Name) < 0)
}
