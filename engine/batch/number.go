package batch

// number is a decimal number taken apart: (-1)^neg · digits · 10^exp, where digits runs over whole and fraction.
type number struct {
	neg             bool
	whole, fraction []byte
	exp             int
}

// scanNumber takes apart [+-]digits[.digits][e[+-]digits]. Spaces around are allowed.
func scanNumber(text []byte) (n number, ok bool) {
	text = trimSpace(text)
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		n.neg = text[i] == '-'
		i++
	}
	start := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	n.whole = text[start:i]
	if i < len(text) && text[i] == '.' {
		i++
		start = i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		n.fraction = text[start:i]
	}
	if len(n.whole)+len(n.fraction) == 0 {
		return n, false
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		n.exp, ok = scanExponent(text[i+1:])
		return n, ok
	}
	return n, i == len(text)
}

func scanExponent(text []byte) (exp int, ok bool) {
	neg := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		neg = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 6 {
		return 0, false
	}
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		exp = exp*10 + int(c-'0')
	}
	if neg {
		exp = -exp
	}
	return exp, true
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// digit gives the digit at i, counted from the left over whole and fraction together.
func (n *number) digit(i int) byte {
	if i < len(n.whole) {
		return n.whole[i]
	}
	return n.fraction[i-len(n.whole)]
}

// unscaled gives the number times 10^scale. Digits that are not zero and would be cut off are tooFine; the value is then
// rounded towards zero.
func (n *number) unscaled(scale int) (m u128, p problem) {
	total := len(n.whole) + len(n.fraction)
	keep := len(n.whole) + n.exp + scale // so many leading digits make the unscaled number
	fits := true
	for i := range min(max(keep, 0), total) {
		var ok1, ok2 bool
		m, ok1 = m.mul64(10)
		m, ok2 = m.add64(uint64(n.digit(i) - '0'))
		fits = fits && ok1 && ok2
	}
	if !fits {
		return m, tooBig
	}
	for i := max(keep, 0); i < total; i++ {
		if n.digit(i) != '0' {
			p = tooFine
			break
		}
	}
	if keep > total {
		var ok bool
		if m, ok = m.mulPow10(keep - total); !ok {
			return m, tooBig
		}
	}
	return m, p
}
