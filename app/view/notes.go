package view

import (
	"regexp"
	"strings"
)

// Note is one line of what is new in a version.
type Note struct {
	Heading, Item bool // neither: a paragraph
	Text          string
}

// mostNotes is how many lines of notes are shown; a feed is not to fill the window.
const mostNotes = 200

var (
	linked  = regexp.MustCompile(`!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)`)
	stars   = regexp.MustCompile(`(\*\*|__|\*)([^*_\s](?:[^*_]*[^*_\s])?)(\*\*|__|\*)`)
	numbers = regexp.MustCompile(`^\d+[.)]\s+`)
)

// Notes reads the Markdown of a version's notes: headings, lists and paragraphs. Nothing in it is loaded or can be
// pressed; a link is its text with the address beside it.
func Notes(markdown string) []Note {
	var notes []Note
	open := false // the last note goes on in the next line
	for line := range strings.Lines(markdown) {
		line = strings.TrimSpace(line)
		if len(notes) == mostNotes {
			return append(notes, Note{Text: "…"})
		}
		n := Note{Text: line}
		switch {
		case line == "" || strings.Trim(line, "-*=") == "":
			open = false
			continue
		case strings.HasPrefix(line, "#"):
			n = Note{Heading: true, Text: strings.Trim(line, "# ")}
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "* "), strings.HasPrefix(line, "+ "):
			n = Note{Item: true, Text: strings.TrimSpace(line[2:])}
		case numbers.MatchString(line):
			n = Note{Item: true, Text: numbers.ReplaceAllString(line, "")}
		}
		n.Text = plain(n.Text)
		if n.Text == "" {
			continue
		}
		if open && !n.Heading && !n.Item {
			last := &notes[len(notes)-1]
			last.Text += " " + n.Text
			continue
		}
		notes = append(notes, n)
		open = !n.Heading
	}
	return notes
}

// plain takes the marks out of a line of Markdown.
func plain(s string) string {
	s = linked.ReplaceAllStringFunc(s, func(link string) string {
		parts := linked.FindStringSubmatch(link)
		if strings.HasPrefix(link, "!") || parts[2] == "" || parts[1] == parts[2] {
			return parts[1]
		}
		return parts[1] + " (" + parts[2] + ")"
	})
	s = stars.ReplaceAllString(s, "$2")
	return strings.TrimSpace(strings.ReplaceAll(s, "`", ""))
}
