package files

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// Grouping is how files become partitions.
type Grouping int

// The groupings.
const (
	// Any: as suits reading; small files together, large ones in parts where the format can.
	Any Grouping = iota
	// OneByOne: each file is a partition, because the sink makes a file of each.
	OneByOne
	// Together: all files are one partition.
	Together
)

// Part is what the Spec of a partition of files says.
type Part struct {
	Files []store.File `json:"files"`
	Base  string       `json:"base,omitempty"` // see Selected.Base
	// Piece is a part of the one file, as the format describes it; "" = whole files.
	Piece string `json:"piece,omitempty"`
	// Of is how many pieces the file is in, 0 for whole files.
	Of int `json:"of,omitempty"`
	// Rest is set on all pieces of a file but the first, so that the file is counted once.
	Rest bool `json:"rest,omitempty"`
}

// ParsePart reads a partition's Spec that has the files in itself; [EachPart] reads every one.
func ParsePart(p store.Partition) (Part, error) {
	var x Part
	var err error
	switch {
	case strings.HasPrefix(p.Spec, string(packed)):
		x, err = unpack(p.Spec)
	case isKept(p.Spec):
		err = errKept
	default:
		err = json.Unmarshal([]byte(p.Spec), &x)
	}
	if err != nil {
		return x, fault.New(fault.Internal, "the partition %s does not say which files it has", p.ID).Because(err)
	}
	return x, nil
}

// Partition makes the partition of x with number i.
func (x Part) Partition(i int) store.Partition {
	p := store.Partition{ID: partID(i)}
	if len(x.Files) > 1 && x.Of == 0 && x.Piece == "" {
		p.Spec = x.pack()
	} else {
		spec, err := json.Marshal(x)
		if err != nil {
			panic(err) // texts, numbers and times always marshal
		}
		p.Spec = string(spec)
	}
	for _, f := range x.Files {
		p.Bytes += f.Size
	}
	p.Bytes /= int64(max(1, x.Of))
	return p
}

func partID(i int) string { return fmt.Sprintf("f%06d", i) }

// Count is how many files a partition stands for; 0 where it is no partition of files.
func Count(p store.Partition) int64 {
	if n, _, ok := packedCount(p.Spec); ok {
		return n
	}
	if k, ok := parseKept(p.Spec); ok {
		return k.files
	}
	if len(p.Spec) == 0 || p.Spec[0] != '{' {
		return 0
	}
	x, err := ParsePart(p)
	if err != nil || x.Rest {
		return 0
	}
	return int64(len(x.Files))
}

// Groups divides files, in order, into what is copied and checkpointed as one: single files while they are few; groups
// of small ones when they are many, so that writing checkpoints does not take longer than copying.
func Groups(list []store.File) [][]store.File {
	most := 1
	if len(list) > fewFiles {
		most = maxTogether
	}
	var out [][]store.File
	var size int64
	start := 0
	for i, f := range list {
		if i > start && (i-start >= most || size+f.Size > maxGroupBytes) {
			out = append(out, slices.Clip(list[start:i]))
			start, size = i, 0
		}
		size += f.Size
	}
	if start < len(list) {
		out = append(out, list[start:])
	}
	return out
}

const (
	fewFiles      = 1000
	maxTogether   = 256      // what a crash makes to be copied again, in files
	maxGroupBytes = 32 << 20 // and in bytes
)
