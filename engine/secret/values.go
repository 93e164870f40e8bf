package secret

import "strings"

// names are the ends of names whose values are secret, in connection strings, URLs and JSON, without _, - and dots.
var names = []string{
	"password", "passwd", "pwd", "passphrase", "secret", "accountkey", "accesskey", "sharedkey", "secretkey", "apikey", "privatekey",
	"principalkey", "encryptionkey", "token", "credential", "authorization", "signature", "cookie",
}

var withoutMarks = strings.NewReplacer("_", "", "-", "", ".", "")

// Named reports whether a field's name says that its value is secret.
func Named(name string) bool {
	name = strings.ToLower(withoutMarks.Replace(name))
	for _, n := range names {
		if strings.HasSuffix(name, n) {
			return true
		}
	}
	return name == "sig"
}

// redactValues puts stars in place of the values of secret names: password=x, "password": "x" and password:x.
func redactValues(text string) string {
	var out strings.Builder
	last := 0
	for i := 0; i < len(text); i++ {
		var from, to int
		switch text[i] {
		case '=':
			from, to = assigned(text, i)
		case ':':
			from, to = coloned(text, i)
		}
		if from < to {
			out.WriteString(text[last:from])
			out.WriteString(stars)
			last, i = to, to-1
		}
	}
	if last == 0 {
		return text
	}
	out.WriteString(text[last:])
	return out.String()
}

// assigned finds the value behind the = at i. In a query it goes up to the next &, in a connection string to the
// semicolon, unless it is quoted or in braces, and elsewhere to the next blank.
func assigned(text string, i int) (from, to int) {
	word, start := wordBefore(text, i)
	if !Named(word) {
		return 0, 0
	}
	from = i + 1
	for from < len(text) && (text[from] == ' ' || text[from] == '\t') {
		from++
	}
	rest := text[from:]
	if start > 0 && (text[start-1] == '?' || text[start-1] == '&') {
		return from, from + upTo(rest, "& \t\r\n\"'<>")
	}
	if n := enclosed(rest); n > 0 {
		return from, from + n
	}
	line := rest[:upTo(rest, "\r\n")]
	if n := strings.IndexByte(line, ';'); n >= 0 {
		return from, from + n
	}
	return from, from + upTo(rest, " \t\r\n")
}

// coloned finds the value behind the colon at i: a JSON string, or what stands right behind a name without a blank.
func coloned(text string, i int) (from, to int) {
	end := i
	for end > 0 && (text[end-1] == ' ' || text[end-1] == '\t') {
		end--
	}
	if end == 0 {
		return 0, 0
	}
	if text[end-1] != '"' && text[end-1] != '\'' {
		word, _ := wordBefore(text, end)
		if end != i || !Named(word) || i+1 >= len(text) || strings.IndexByte(" \t\r\n\"'/", text[i+1]) >= 0 {
			return 0, 0
		}
		return i + 1, i + 1 + upTo(text[i+1:], " \t\r\n;,\"'")
	}
	end--
	for end > 0 && text[end-1] == '\\' {
		end--
	}
	word, _ := wordBefore(text, end)
	if !Named(word) {
		return 0, 0
	}
	from = i + 1
	for from < len(text) && (text[from] == ' ' || text[from] == '\t') {
		from++
	}
	slashes := from
	for from < len(text) && text[from] == '\\' {
		from++
	}
	if from == len(text) || text[from] != '"' && text[from] != '\'' {
		return 0, 0
	}
	mark := text[slashes : from+1] // the quote, escaped as deeply as the JSON is nested
	from++
	return from, from + closing(text[from:], mark)
}

// closing is where a quote stands that is escaped exactly as mark is, or the end.
func closing(text, mark string) int {
	for at := 0; ; {
		n := strings.IndexByte(text[at:], mark[len(mark)-1])
		if n < 0 {
			return len(text)
		}
		n += at
		begin := n
		for begin > 0 && text[begin-1] == '\\' {
			begin--
		}
		// A backslash that is itself escaped belongs to the value.
		if escapes := n - begin; escapes >= len(mark)-1 && (escapes-len(mark)+1)%(2*len(mark)) == 0 {
			return n - len(mark) + 1
		}
		at = n + 1
	}
}

// enclosed is the length of a quoted value or one in braces at the beginning of text, 0 where there is none.
func enclosed(text string) int {
	if text == "" {
		return 0
	}
	end, ok := map[byte]byte{'"': '"', '\'': '\'', '{': '}'}[text[0]]
	if !ok {
		return 0
	}
	for i := 1; i < len(text); i++ {
		if text[i] != end {
			continue
		}
		if i+1 < len(text) && text[i+1] == end { // doubled: part of the value
			i++
			continue
		}
		return i + 1
	}
	return 0
}

// wordBefore is the name that ends before i, blanks between left out, and where it begins.
func wordBefore(text string, i int) (word string, start int) {
	for i > 0 && (text[i-1] == ' ' || text[i-1] == '\t') {
		i--
	}
	start = i
	for start > 0 && inName(text[start-1]) {
		start--
	}
	return text[start:i], start
}

func inName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

func upTo(text, ends string) int {
	if n := strings.IndexAny(text, ends); n >= 0 {
		return n
	}
	return len(text)
}
