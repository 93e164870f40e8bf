package parquet

import (
	"encoding/binary"
	"errors"
	"io"
)

// Types of pages.
const (
	dataPage   = 0
	dataPageV2 = 3
)

// pageHead is what a page's header says, as far as pages of plain values need it.
//
// Source: parquet.thrift of apache/parquet-format, PageHeader, DataPageHeader and DataPageHeaderV2.
type pageHead struct {
	kind, plain, packed  int32
	values, encoding     int32
	defEncoding          int32
	defLength, repLength int32 // of version 2
	bare                 bool  // version 2: not compressed
}

// thrift reads Thrift's compact protocol.
type thrift struct {
	r interface {
		io.Reader
		io.ByteReader
	}
	depth int
}

// Types of fields.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

var errThrift = errors.New("a page's header is damaged")

// fields calls f for each field of a structure; f says whether it has read the field's value.
func (t *thrift) fields(f func(id int16, typ byte) (bool, error)) error {
	if t.depth++; t.depth > 16 {
		return errThrift
	}
	defer func() { t.depth-- }()
	id := int16(0)
	for {
		b, err := t.r.ReadByte()
		if err != nil {
			return err
		}
		if b == 0 {
			return nil
		}
		if delta := int16(b >> 4); delta > 0 {
			id += delta
		} else {
			n, err := binary.ReadVarint(t.r)
			if err != nil {
				return err
			}
			id = int16(n)
		}
		done, err := f(id, b&15)
		if err == nil && !done {
			err = t.skip(b & 15)
		}
		if err != nil {
			return err
		}
	}
}

func (t *thrift) skip(typ byte) error {
	switch typ {
	case thriftTrue, thriftFalse:
		return nil
	case thriftByte:
		return t.drop(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := binary.ReadUvarint(t.r)
		return err
	case thriftDouble:
		return t.drop(8)
	case thriftBinary:
		n, err := binary.ReadUvarint(t.r)
		if err != nil {
			return err
		}
		return t.drop(n)
	case thriftStruct:
		return t.fields(func(int16, byte) (bool, error) { return false, nil })
	}
	return errThrift // no page's header has lists or maps
}

func (t *thrift) drop(n uint64) error {
	if n > 1<<30 {
		return errThrift
	}
	_, err := io.CopyN(io.Discard, t.r, int64(n))
	return err
}

// number reads a field's number where it is one.
func (t *thrift) number(typ byte, to *int32) (bool, error) {
	if typ != thriftI32 {
		return false, nil
	}
	n, err := binary.ReadVarint(t.r)
	*to = int32(n)
	return true, err
}

// readPageHeader reads the header of a page.
func readPageHeader(r *limited) (h pageHead, err error) {
	t := &thrift{r: r}
	h.encoding = -1
	err = t.fields(func(id int16, typ byte) (bool, error) {
		switch {
		case id == 1:
			return t.number(typ, &h.kind)
		case id == 2:
			return t.number(typ, &h.plain)
		case id == 3:
			return t.number(typ, &h.packed)
		case id == 5 && typ == thriftStruct:
			return true, t.fields(func(id int16, typ byte) (bool, error) {
				to := map[int16]*int32{1: &h.values, 2: &h.encoding, 3: &h.defEncoding}[id]
				if to == nil {
					return false, nil
				}
				return t.number(typ, to)
			})
		case id == 8 && typ == thriftStruct:
			return true, t.fields(func(id int16, typ byte) (bool, error) {
				if id == 7 {
					h.bare = typ == thriftFalse
					return true, nil
				}
				to := map[int16]*int32{1: &h.values, 4: &h.encoding, 5: &h.defLength, 6: &h.repLength}[id]
				if to == nil {
					return false, nil
				}
				return t.number(typ, to)
			})
		}
		return false, nil
	})
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return h, errors.Join(errThrift, err)
	}
	return h, err
}
