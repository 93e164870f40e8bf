package engine

import "dmgateway/engine/help"

// HelpTopic explains an error code or an event of the log.
type HelpTopic = help.Topic

// Help finds the explanation of an error code ("DiskFull") or of an event by its number ("401").
func Help(name string) (HelpTopic, bool) { return help.Find(name) }

// HelpTopics are all explanations: codes by name, then events by number.
func HelpTopics() []HelpTopic { return help.Topics() }
