// Package archive packs what helps to find out what is wrong into one zip file: logs, crashes, facts. Everything is
// redacted once more on its way. What cannot be read is named, and never keeps the rest from being packed.
package archive

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// ContentsFile is the last file of an archive: its [Contents].
const ContentsFile = "contents.json"

// Contents is what is in a report or an archive.
type Contents struct {
	Since time.Time `json:"since"`
	Parts []Part    `json:"parts"`
	// Bytes is how much the parts are together, unpacked. While they are only listed it can be an estimate.
	Bytes int64 `json:"bytes"`
	// Left names what could not be read, with the reason.
	Left []string `json:"left,omitempty"`
	File string   `json:"file,omitempty"` // of an archive
}

// Part is one file of it.
type Part struct {
	Name  string `json:"name"`
	About string `json:"about"` // for people: "the gateway's log"
	Bytes int64  `json:"bytes"`
}

// Source is where a part comes from.
type Source struct {
	Name  string // in the archive, with slashes
	About string
	Bytes int64 // about how many
	// Open opens it. What it reads is redacted before anybody gets it.
	Open func() (io.ReadCloser, error)
	// Lines says that it is a log: lines of JSON, of which those from Since on are wanted.
	Lines bool
}

// List is what an archive of the sources would hold.
func List(sources []Source, left []string, since time.Time) Contents {
	c := Contents{Since: since, Parts: []Part{}, Left: left}
	for _, s := range sources {
		c.Parts = append(c.Parts, Part{s.Name, s.About, s.Bytes})
		c.Bytes += s.Bytes
	}
	return c
}

// Pack writes an archive of the sources. progress is told how many of the bytes in List's answer are done; nil is fine.
// Only writing can fail, and the context can end; a source that cannot be read is in the answer's Left.
func Pack(ctx context.Context, w io.Writer, sources []Source, left []string, since time.Time, progress func(done, total int64)) (Contents, error) {
	c := Contents{Since: since, Parts: []Part{}, Left: left}
	total, done := List(sources, nil, since).Bytes, int64(0)
	z := zip.NewWriter(w)
	for _, s := range sources {
		out := &counting{ctx: ctx, tell: func(n int64) {
			if progress != nil {
				progress(min(done+min(n, s.Bytes), total), total)
			}
		}}
		n, err := pack(z, s, since, out)
		if ctx.Err() != nil {
			return c, fault.New(fault.Cancelled, "packing the logs was cut off").Because(context.Cause(ctx))
		}
		if out.err != nil {
			return c, out.err
		}
		if err != nil {
			c.Left = append(c.Left, fmt.Sprintf("%s: %v", s.Name, secret.Redact(err.Error())))
		}
		if n >= 0 {
			c.Parts, c.Bytes = append(c.Parts, Part{s.Name, s.About, n}), c.Bytes+n
		}
		done += s.Bytes
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return c, err
	}
	f, err := z.CreateHeader(header(ContentsFile))
	if err == nil {
		_, err = f.Write(text)
	}
	return c, errors.Join(err, z.Close())
}

func header(name string) *zip.FileHeader {
	h := &zip.FileHeader{Name: path.Clean(name), Method: zip.Deflate, Modified: time.Now().UTC()}
	h.SetMode(0o600)
	return h
}

// pack writes one part; n is negative where it is not there at all.
func pack(z *zip.Writer, s Source, since time.Time, out *counting) (n int64, err error) {
	in, err := open(s)
	if err != nil {
		return -1, err
	}
	defer in.Close()
	if out.w, out.err = z.CreateHeader(header(s.Name)); out.err != nil {
		return -1, out.err
	}
	err = redact(out, in, s.Lines, since)
	return out.n, err
}

// open guards against sources that fail badly: an archive is made when things are broken.
func open(s Source) (in io.ReadCloser, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "a defect of the program: %v", p)
		}
	}()
	return s.Open()
}

// Look gives one part as it would be packed, at most limit bytes of it.
func Look(ctx context.Context, s Source, since time.Time, limit int) ([]byte, error) {
	in, err := open(s)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var b bytes.Buffer
	err = redact(&counting{ctx: ctx, w: &limited{&b, limit}}, in, s.Lines, since)
	if errors.Is(err, errEnough) || b.Len() > 0 {
		err = nil
	}
	return b.Bytes(), err
}

var errEnough = errors.New("that is enough")

type limited struct {
	b    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.b.Write(p[:n])
	l.left -= n
	if l.left == 0 {
		return n, errEnough
	}
	return n, nil
}

// counting keeps an error of writing apart from one of reading.
type counting struct {
	ctx  context.Context //nolint:containedctx // lives as long as one call
	w    io.Writer
	n    int64
	err  error
	tell func(n int64)
}

func (c *counting) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = errors.Join(c.err, err)
	if c.tell != nil {
		c.tell(c.n)
	}
	return n, err
}

const (
	maxLine = 1 << 20 // of a log; the rest of a longer line is left out
	maxText = 8 << 20 // of a text that is no log
)

// redact copies a log line by line, from since on, and a text as a whole.
func redact(w io.Writer, in io.Reader, lines bool, since time.Time) error {
	if !lines {
		text, err := io.ReadAll(io.LimitReader(in, maxText))
		clean := []byte(secret.Redact(string(text)))
		if json.Valid(text) {
			clean = secret.RedactJSON(text)
		}
		_, werr := w.Write(clean)
		return errors.Join(err, werr)
	}
	r := bufio.NewReaderSize(in, 64<<10)
	wanted := since.IsZero()
	for {
		line, err := nextLine(r)
		if t, ok := timeOf(line); ok {
			wanted = !t.Before(since)
		}
		if wanted && len(line) > 0 {
			if _, werr := w.Write(secret.RedactJSON(line)); werr != nil {
				return werr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func nextLine(in *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		piece, err := in.ReadSlice('\n')
		if len(whole)+len(piece) <= maxLine {
			whole = append(whole, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return whole, err
		}
	}
}

// timeOf reads the time at the beginning of a line that log/slog wrote.
func timeOf(line []byte) (time.Time, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"time":"`))
	if !ok {
		return time.Time{}, false
	}
	text, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	return t, err == nil
}
