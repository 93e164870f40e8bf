package text

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// codePage is an encoding of one byte a character.
type codePage struct {
	runes [256]rune
	bytes map[rune]byte
}

// newCodePage makes one of an entry of pages.
func newCodePage(table string) *codePage {
	p := &codePage{bytes: make(map[rune]byte, 256)}
	at := 256 - utf8.RuneCountInString(table)
	for i := range at {
		p.runes[i] = rune(i)
	}
	for _, r := range table {
		p.runes[at] = r
		at++
	}
	for i, r := range p.runes {
		if _, twice := p.bytes[r]; r != utf8.RuneError && !twice {
			p.bytes[r] = byte(i)
		}
	}
	return p
}

// NewDecoder reads bytes; one without a character becomes U+FFFD.
func (p *codePage) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: pageDecoder{page: p}}
}

// NewEncoder writes bytes; a character that has none is an error.
func (p *codePage) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: pageEncoder{page: p}}
}

type pageDecoder struct {
	transform.NopResetter
	page *codePage
}

// Transform decodes.
func (d pageDecoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		r := d.page.runes[src[nSrc]]
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
	}
	return nDst, nSrc, nil
}

type pageEncoder struct {
	transform.NopResetter
	page *codePage
}

// Transform encodes.
func (e pageEncoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		r, n := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && n == 1 && !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		b, ok := e.page.bytes[r]
		switch {
		case !ok:
			return nDst, nSrc, errNoCharacter
		case nDst == len(dst):
			return nDst, nSrc, transform.ErrShortDst
		}
		dst[nDst] = b
		nDst++
		nSrc += n
	}
	return nDst, nSrc, nil
}
