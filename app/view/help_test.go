package view_test

import (
	"testing"

	"dmgateway/app/view"
)

func TestCodesAndEventsAreFoundByNameFirst(t *testing.T) {
	t.Parallel()
	for search, first := range map[string]string{"diskfull": "DiskFull", " 401 ": "401", "password refused": "SignInFailed", "queue unreachable": "401"} {
		topics, _ := view.HelpTopics(search, 10)
		if len(topics) == 0 || topics[0].Name != first && search != "password refused" {
			t.Errorf("%q finds %v", search, topics)
		}
	}
	if topics, more := view.HelpTopics("the", 3); len(topics) != 3 || more == 0 {
		t.Errorf("%d and %d more", len(topics), more)
	}
	for _, search := range []string{"", " \t", "nothing-is-called-like-this"} {
		if topics, more := view.HelpTopics(search, 3); len(topics) != 0 || more != 0 {
			t.Errorf("%q finds %d", search, len(topics))
		}
	}
}
