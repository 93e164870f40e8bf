package files

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/store"
)

// packed begins a Spec with many files: "~count:" and, in Base64, their descriptions with what neighbours have in common
// left out. A file takes some 20 bytes of the plan then, not 200, so that millions of files fit in memory and journal.
const packed = '~'

// pack makes such a Spec.
func (x Part) pack() string {
	return string(packed) + strconv.Itoa(len(x.Files)) + ":" + base64.RawStdEncoding.EncodeToString(x.deflated(nil))
}

// deflated is the packed descriptions. w, where not nil, is a writer to use again.
func (x Part) deflated(w *flate.Writer) []byte {
	raw := appendText(nil, x.Base)
	var last store.File
	for _, f := range x.Files {
		raw = appendLike(raw, last.Path, f.Path)
		raw = binary.AppendUvarint(raw, uint64(f.Size))
		raw = binary.AppendVarint(raw, f.Modified.Unix()-last.Modified.Unix())
		raw = binary.AppendUvarint(raw, uint64(f.Modified.Nanosecond()))
		raw = appendLike(raw, last.ETag, f.ETag)
		raw = appendText(raw, string(f.MD5))
		last = f
	}
	var b bytes.Buffer
	if w == nil {
		w = newDeflater()
	}
	w.Reset(&b)
	_, _ = w.Write(raw) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// newDeflater is a writer for deflated; it takes more memory than many lists.
func newDeflater() *flate.Writer {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is a good one
	return w
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendLike appends s as what it has in common with the beginning of last, and the rest.
func appendLike(dst []byte, last, s string) []byte {
	n := 0
	for n < len(last) && n < len(s) && last[n] == s[n] {
		n++
	}
	return appendText(binary.AppendUvarint(dst, uint64(n)), s[n:])
}

// packedCount is the number of files that a packed Spec says it has.
func packedCount(spec string) (n int64, rest string, ok bool) {
	head, rest, ok := strings.Cut(spec, ":")
	if !ok || len(head) < 2 || head[0] != packed {
		return 0, "", false
	}
	n, err := strconv.ParseInt(head[1:], 10, 64)
	return n, rest, err == nil && n >= 0
}

var errPacked = errors.New("the list of files is damaged")

// unpack reads what pack wrote.
func unpack(spec string) (x Part, err error) {
	n, rest, ok := packedCount(spec)
	if !ok {
		return x, errPacked
	}
	return inflated(n, base64.NewDecoder(base64.RawStdEncoding, strings.NewReader(rest)))
}

// inflated reads n descriptions that deflated wrote.
func inflated(n int64, r io.Reader) (x Part, err error) {
	raw, err := io.ReadAll(flate.NewReader(r))
	if err != nil {
		return x, errPacked
	}
	p := parcel{raw}
	defer func() {
		if recover() != nil { // an index that is out of range: damaged
			x, err = Part{}, errPacked
		}
	}()
	x.Base = p.text()
	last := store.File{}
	for range n {
		f := store.File{Path: p.like(last.Path), Size: int64(p.number())}
		seconds := last.Modified.Unix() + p.signed()
		f.Modified = time.Unix(seconds, int64(p.number())).UTC()
		f.ETag = p.like(last.ETag)
		if sum := p.text(); sum != "" {
			f.MD5 = []byte(sum)
		}
		x.Files = append(x.Files, f)
		last = f
	}
	if len(p.rest) > 0 {
		return Part{}, errPacked
	}
	return x, nil
}

// parcel is what is left to unpack.
type parcel struct{ rest []byte }

func (p *parcel) number() uint64 {
	v, n := binary.Uvarint(p.rest)
	p.rest = p.rest[max(n, 1):]
	return v
}

func (p *parcel) signed() int64 {
	v, n := binary.Varint(p.rest)
	p.rest = p.rest[max(n, 1):]
	return v
}

func (p *parcel) text() string {
	n := p.number()
	s := string(p.rest[:n])
	p.rest = p.rest[n:]
	return s
}

func (p *parcel) like(last string) string {
	n := p.number()
	return last[:n] + p.text()
}
