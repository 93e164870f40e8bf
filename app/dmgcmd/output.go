package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"dmgateway/engine"
)

// errReported says that a copy failed and its result has been printed already.
var errReported = errors.New("the copy failed")

// errStopped says that a person ended what goes on until then.
var errStopped = errors.New("interrupted")

// errWords says that help was asked for what there is not, which has been told.
var errWords = &usageError{errors.New("no such command")}

// usageError is what was wrong with the words of the call.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func exitCode(err error) int {
	var u *usageError
	switch {
	case errors.As(err, &u):
		return exitUsage
	case errors.Is(err, errUnregistered),
		engine.ErrorOf(err).Code == engine.CodeNotRunning, engine.ErrorOf(err).Code == engine.CodeNotRegistered:
		return exitNotRunning
	}
	return exitFailed
}

// printError writes "error CODE: what: why. What to do.", with --json {"error":{…}} on standard output instead.
func (p *program) printError(err error) {
	e := describe(err)
	if p.json {
		_ = p.printJSON(map[string]any{"error": e})
		return
	}
	text := strings.TrimRight(strings.ReplaceAll(e.Message, "\n", "; "), ".") + "."
	if e.Hint != "" {
		text += " " + e.Hint
	}
	fmt.Fprintf(harmless{p.err}, "error %s: %s\n", e.Code, text)
}

// describe gives an error its code and hint, also where it is one of the call's words or of a file that it names.
func describe(err error) engine.ErrorInfo {
	e := engine.ErrorOf(err)
	var u *usageError
	var file *fs.PathError
	switch {
	case errors.As(err, &u):
		e.Code, e.Hint = "Usage", "See `dmgcmd help`."
		var parse *kong.ParseError
		if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
			e.Hint = "See `" + parse.Context.Selected().FullPath() + " --help`."
		}
	case e.Code != "Internal" || !errors.As(err, &file):
	case errors.Is(err, fs.ErrNotExist):
		e.Code, e.Target, e.Hint = "NotFound", file.Path, "Check the name, and that its folder exists."
	case errors.Is(err, fs.ErrExist):
		e.Code, e.Target, e.Hint = engine.CodeConflict, file.Path, "Give another name: nothing is overwritten."
	case errors.Is(err, fs.ErrPermission):
		e.Code, e.Target, e.Hint = "Forbidden", file.Path, "Give the user running the program the right to it, or name another file."
	default:
		e.Code, e.Target, e.Hint = "StoreFailed", file.Path, "Check the name, the space on its disk, and whether it may be read or written."
	}
	return e
}

func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// print shows v as JSON with --json, and by text otherwise.
func (p *program) print(v any, text func(w io.Writer)) error {
	if p.json {
		return p.printJSON(v)
	}
	w := tabwriter.NewWriter(harmless{p.out}, 0, 4, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// harmless leaves out what a terminal would obey: names of files, errors of servers and log lines are others' words, and
// an escape sequence in them could rewrite the screen.
type harmless struct{ w io.Writer }

func (h harmless) Write(b []byte) (int, error) {
	clean := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == 0xc2 && i+1 < len(b) && b[i+1] >= 0x80 && b[i+1] < 0xa0: // U+0080 to U+009F
			i++
		case c == '\n', c == '\t', c >= ' ' && c != 0x7f:
			clean = append(clean, c)
		}
	}
	if _, err := h.w.Write(clean); err != nil {
		return 0, err
	}
	return len(b), nil
}

// say writes a sentence about what is going on.
func (p *program) say(format string, args ...any) { fmt.Fprintf(harmless{p.err}, format+"\n", args...) }

// told says a sentence where err is nil, and returns err.
func (p *program) told(err error, format string, args ...any) error {
	if err == nil {
		p.say(format, args...)
	}
	return err
}

// rows prints a table; every row has as many cells as head.
func rows(w io.Writer, head []string, body [][]string) {
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, r := range body {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
}

// pairs prints name and value lines, leaving out empty values.
func pairs(w io.Writer, list ...[2]string) {
	for _, kv := range list {
		if kv[1] != "" {
			fmt.Fprintf(w, "%s:\t%s\n", kv[0], kv[1])
		}
	}
}

// number is "1 file", "3 files".
func number(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func bytesText(n int64) string {
	const k = 1000
	switch {
	case n >= k*k*k:
		return fmt.Sprintf("%.1f GB", float64(n)/(k*k*k))
	case n >= k*k:
		return fmt.Sprintf("%.1f MB", float64(n)/(k*k))
	case n >= k:
		return fmt.Sprintf("%.1f KB", float64(n)/k)
	}
	return fmt.Sprintf("%d B", n)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func durationText(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
