package text

import (
	"errors"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

var errNotASCII = errors.New("character is not in US-ASCII")

// ascii is US-ASCII without replacement characters: other bytes and characters are errors.
type ascii struct{}

func (ascii) NewDecoder() *encoding.Decoder { return &encoding.Decoder{Transformer: asciiOnly{}} }
func (ascii) NewEncoder() *encoding.Encoder { return &encoding.Encoder{Transformer: asciiOnly{}} }

type asciiOnly struct{ transform.NopResetter }

// Transform copies ASCII bytes and stops at any other.
func (asciiOnly) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		switch {
		case src[nSrc] >= utf8.RuneSelf:
			return nDst, nSrc, errNotASCII
		case nDst == len(dst):
			return nDst, nSrc, transform.ErrShortDst
		}
		dst[nDst] = src[nSrc]
		nDst++
		nSrc++
	}
	return nDst, nSrc, nil
}
