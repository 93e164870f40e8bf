package files

import (
	"bufio"
	"context"
	"errors"
	"io"

	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// members reads the files of an archive one after the other, each as an input of a format.
type members struct {
	source *Source
	file   store.File
	bytes  *counter // may be nil

	archive *Archive
	index   int    // of the current file, from 0
	name    string // of the current file, after the archive's path
	first   *bufio.Reader
	taken   bool // first has been given
}

// archived reports whether the source's files are archives.
func (s *Source) archived() bool { return compression.IsArchive(s.sel.Compression) }

func (s *Source) members(ctx context.Context, f store.File, bytes *counter) (*members, error) {
	m := &members{source: s, file: f, bytes: bytes, index: -1}
	var err error
	m.archive, err = m.open(ctx)
	return m, err
}

func (m *members) open(ctx context.Context) (*Archive, error) {
	return OpenArchive(ctx, m.source.files, m.file, m.source.sel.Compression, func(n int) {
		if m.bytes != nil {
			m.bytes.Add(int64(n))
		}
	})
}

// next goes to the next file; io.EOF behind the last. empty says that the file has no bytes.
func (m *members) next() (empty bool, err error) {
	name, err := m.archive.Next()
	if err != nil {
		return false, err
	}
	m.index++
	m.name = m.file.Path + "/" + name
	m.first, m.taken = bufio.NewReaderSize(m.archive, 4<<10), false
	_, err = m.first.Peek(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// input is the current file. The first stream that is opened reads on in the archive; every other one opens it again.
func (m *members) input() format.Input {
	return format.Input{Name: m.name, Size: -1, Open: func(ctx context.Context, _, _ int64) (io.ReadCloser, error) {
		if !m.taken {
			m.taken = true
			return io.NopCloser(m.first), nil
		}
		a, err := m.open(ctx)
		if err != nil {
			return nil, err
		}
		for range m.index + 1 {
			if _, err := a.Next(); err != nil {
				return nil, errors.Join(err, a.Close())
			}
		}
		return a, nil
	}}
}

func (m *members) close() error {
	if m.archive == nil {
		return nil
	}
	err := m.archive.Close()
	m.archive = nil
	return err
}

// archiveSchema is that of the first file in an archive that has columns; nil where none has.
func (s *Source) archiveSchema(ctx context.Context, f store.File) (_ batch.Schema, err error) {
	m, err := s.members(ctx, f, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	for {
		empty, err := m.next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if empty {
			continue
		}
		schema, err := s.sel.Format.Schema(ctx, m.input())
		if err != nil || len(schema) > 0 {
			return schema, inFile(err, m.name)
		}
	}
}
