// Package help explains every error code and every event of the log to people: what it means, and what to do. The page in
// assets/help is made of it by go generate.
package help

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dmgateway/engine/logging"
)

//go:generate go run ./page ../../assets/help/index.html

// Topic is one error code or event.
type Topic struct {
	Name   string `json:"name"`  // "DiskFull", "401"
	Title  string `json:"title"` // "Queue unreachable"
	Text   string `json:"text"`  // what it means
	Do     string `json:"do,omitempty"`
	Event  bool   `json:"event,omitempty"`
	Anchor string `json:"anchor"` // on the page of help
}

// Topics are all: codes by name, then events by number.
func Topics() []Topic {
	list := slices.Clone(codes)
	for i := range list {
		list[i].Anchor = "code-" + strings.ToLower(list[i].Name)
	}
	slices.SortFunc(list, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	for _, k := range logging.Kinds() {
		list = append(list, Topic{strconv.Itoa(int(k.Event)), k.Name, k.Text, k.Do, true, k.Anchor()})
	}
	return list
}

// Find finds a code, whatever its case, or an event by its number.
func Find(name string) (Topic, bool) {
	for _, t := range Topics() {
		if strings.EqualFold(t.Name, name) {
			return t, true
		}
	}
	return Topic{}, false
}

// String is the topic as a few lines of text.
func (t Topic) String() string {
	kind := "error code"
	if t.Event {
		kind = "event of the log"
	}
	text := fmt.Sprintf("%s: %s (%s)\n\n%s\n", t.Name, t.Title, kind, t.Text)
	if t.Do != "" {
		text += "\nWhat to do: " + t.Do + "\n"
	}
	return text
}
