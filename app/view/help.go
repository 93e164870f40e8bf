package view

import (
	"cmp"
	"slices"
	"strings"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// HelpTopics are the explanations of error codes and events that have all the words of a search, those first whose name
// it is; none for an empty search. more is how many there are beyond most.
func HelpTopics(search string, most int) (topics []engine.HelpTopic, more int) {
	wanted := strings.Fields(strings.ToLower(search))
	if len(wanted) == 0 {
		return nil, 0
	}
	for _, t := range engine.HelpTopics() {
		text := strings.ToLower(strings.Join([]string{t.Name, t.Title, t.Text, t.Do, words.Of(t.Title), words.Of(t.Text)}, "\n"))
		if !slices.ContainsFunc(wanted, func(w string) bool { return !strings.Contains(text, w) }) {
			topics = append(topics, t)
		}
	}
	slices.SortStableFunc(topics, func(a, b engine.HelpTopic) int { return cmp.Compare(farFrom(a, wanted), farFrom(b, wanted)) })
	more = max(0, len(topics)-most)
	return topics[:len(topics)-more], more
}

// farFrom is 0 for a topic whose name is searched for, 1 where name or title have it, else 2.
func farFrom(t engine.HelpTopic, wanted []string) int {
	name, title := strings.ToLower(t.Name), strings.ToLower(t.Title)
	switch {
	case len(wanted) == 1 && name == wanted[0]:
		return 0
	case !slices.ContainsFunc(wanted, func(w string) bool { return !strings.Contains(name+" "+title, w) }):
		return 1
	}
	return 2
}
