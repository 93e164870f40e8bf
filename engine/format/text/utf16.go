package text

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

var (
	errNoCharacter = errors.New("character is not in the encoding")
	errHalf        = errors.New("half a character")
)

// strict16 is UTF-16 without replacement characters: half a surrogate pair and half a unit are errors when reading.
type strict16 struct {
	encoding.Encoding
	big bool
}

// NewDecoder reads UTF-16.
func (s strict16) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: decoder16{big: s.big}}
}

type decoder16 struct {
	transform.NopResetter
	big bool
}

func (d decoder16) unit(b []byte) rune {
	if d.big {
		return rune(b[0])<<8 | rune(b[1])
	}
	return rune(b[1])<<8 | rune(b[0])
}

// Transform decodes.
func (d decoder16) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if len(src)-nSrc < 2 {
			return nDst, nSrc, short(atEOF)
		}
		r, n := d.unit(src[nSrc:]), 2
		if utf16.IsSurrogate(r) {
			if len(src)-nSrc < 4 {
				return nDst, nSrc, short(atEOF)
			}
			if r, n = utf16.DecodeRune(r, d.unit(src[nSrc+2:])), 4; r == utf8.RuneError {
				return nDst, nSrc, errHalf
			}
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += n
	}
	return nDst, nSrc, nil
}

func short(atEOF bool) error {
	if atEOF {
		return errHalf
	}
	return transform.ErrShortSrc
}
