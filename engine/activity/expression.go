package activity

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dialect is one of the two languages of expressions: v1's after "$$" and v2's after "@".
type dialect int

const (
	dialect1 dialect = iota
	dialect2
)

// maxNesting of an expression.
const maxNesting = 100

// node is a parsed expression. Values are string, int64, float64, bool, nil, time.Time (v1 only), *object and []any.
type node interface {
	eval(s *scope) (any, error)
}

type (
	literal struct{ value any }
	// call is a function, and in v1 a variable (args is nil then).
	call struct {
		name string
		args []node
	}
	// property is of.name or of[index]; optional is "?." and "?[", which give null on null.
	property struct {
		of       node
		name     string
		index    node
		optional bool
	}
)

// syntax parses one expression.
type syntax struct {
	text    string
	pos     int
	depth   int
	dialect dialect
}

func (p *syntax) errorf(format string, args ...any) error {
	return fmt.Errorf("at character %d: %s", utf8.RuneCountInString(p.text[:p.pos])+1, fmt.Sprintf(format, args...))
}

// parseExpression reads a whole text as one expression.
func parseExpression(text string, d dialect) (node, error) {
	p := &syntax{text: text, dialect: d}
	n, err := p.expression()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.text) {
		return nil, p.errorf("%q is not expected here", p.rest())
	}
	return n, nil
}

func (p *syntax) rest() string {
	r := p.text[p.pos:]
	if len(r) > 20 {
		r = strings.ToValidUTF8(r[:20], "") + "..."
	}
	return r
}

func (p *syntax) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *syntax) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *syntax) accept(s string) bool {
	if strings.HasPrefix(p.text[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *syntax) expression() (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		return nil, p.errorf("nested deeper than %d levels", maxNesting)
	}
	n, err := p.primary()
	for err == nil {
		p.space()
		optional := p.accept("?")
		switch {
		case p.dialect == dialect2 && p.accept("."):
			p.space()
			name := p.name()
			if name == "" {
				return nil, p.errorf("a property's name is missing")
			}
			n = &property{of: n, name: name, optional: optional}
		case p.dialect == dialect2 && p.accept("["):
			var index node
			if index, err = p.expression(); err != nil {
				return nil, err
			}
			p.space()
			if !p.accept("]") {
				return nil, p.errorf("] is missing")
			}
			n = &property{of: n, index: index, optional: optional}
		case optional:
			return nil, p.errorf("? is not expected here")
		default:
			return n, nil
		}
	}
	return nil, err
}

func (p *syntax) primary() (node, error) {
	p.space()
	c := p.peek()
	switch {
	case c == '\'':
		return p.quoted()
	case c == '-' || c == '+' || c >= '0' && c <= '9':
		return p.number()
	}
	name := p.name()
	if name == "" {
		if p.pos >= len(p.text) {
			return nil, p.errorf("the expression ends too early")
		}
		return nil, p.errorf("%q is not expected here", p.rest())
	}
	p.space()
	if p.accept("(") {
		args, err := p.arguments()
		return &call{name: name, args: args}, err
	}
	switch {
	case strings.EqualFold(name, "true"):
		return literal{true}, nil
	case strings.EqualFold(name, "false"):
		return literal{false}, nil
	case strings.EqualFold(name, "null"):
		return literal{nil}, nil
	case p.dialect == dialect1:
		return &call{name: name}, nil
	}
	return nil, p.errorf("%q is neither a function nor a value", name)
}

// name reads an identifier; in v1 with its class, "Text.Format".
func (p *syntax) name() string {
	start := p.pos
	for p.pos < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.pos:])
		dot := r == '.' && p.dialect == dialect1 && p.pos > start
		if !unicode.IsLetter(r) && r != '_' && !dot && (p.pos == start || !unicode.IsDigit(r)) {
			break
		}
		p.pos += n
	}
	return p.text[start:p.pos]
}

// quoted reads a text in single quotes. A quote in it is doubled; v1 also takes \'.
func (p *syntax) quoted() (node, error) {
	start := p.pos
	p.pos++
	var b strings.Builder
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '\'' && strings.HasPrefix(p.text[p.pos:], "''"):
			b.WriteByte('\'')
			p.pos += 2
		case c == '\'':
			p.pos++
			return literal{b.String()}, nil
		case c == '\\' && p.dialect == dialect1 && strings.HasPrefix(p.text[p.pos:], `\'`):
			b.WriteByte('\'')
			p.pos += 2
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	p.pos = start
	return nil, p.errorf("the text has no closing quote")
}

func (p *syntax) number() (node, error) {
	start := p.pos
	p.pos++
	for p.pos < len(p.text) && strings.IndexByte("0123456789.eE", p.text[p.pos]) >= 0 {
		p.pos++
	}
	s := p.text[start:p.pos]
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return literal{n}, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		p.pos = start
		return nil, p.errorf("%q is no number", s)
	}
	return literal{f}, nil
}

func (p *syntax) arguments() ([]node, error) {
	args := []node{}
	p.space()
	if p.accept(")") {
		return args, nil
	}
	for {
		n, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, n)
		p.space()
		if p.accept(")") {
			return args, nil
		}
		if !p.accept(",") {
			return nil, p.errorf(", or ) is missing")
		}
	}
}

// piece is literal text, or an expression where node is set.
type piece struct {
	text string
	node node
}

// template reads a v2 text. It is one expression after "@", literal after "@@", and otherwise text with "@{…}" in it.
func template(text string) (pieces []piece, whole bool, err error) {
	if strings.HasPrefix(text, "@@") {
		return []piece{{text: text[1:]}}, false, nil
	}
	if strings.HasPrefix(text, "@") && !strings.HasPrefix(text, "@{") {
		n, err := parseExpression(text[1:], dialect2)
		return []piece{{node: n}}, true, err
	}
	var plain strings.Builder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "@@{"):
			plain.WriteString("@{")
			i += 3
		case strings.HasPrefix(text[i:], "@{"):
			p := &syntax{text: text, pos: i + 2, dialect: dialect2}
			n, err := p.expression()
			if err != nil {
				return nil, false, err
			}
			p.space()
			if !p.accept("}") {
				return nil, false, p.errorf("} is missing")
			}
			if plain.Len() > 0 {
				pieces = append(pieces, piece{text: plain.String()})
				plain.Reset()
			}
			pieces = append(pieces, piece{node: n})
			i = p.pos
		default:
			plain.WriteByte(text[i])
			i++
		}
	}
	if plain.Len() > 0 || len(pieces) == 0 {
		pieces = append(pieces, piece{text: plain.String()})
	}
	return pieces, false, nil
}
