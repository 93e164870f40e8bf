package main

import (
	"fmt"
	"unicode"

	"dmgateway/engine"
)

// explain prints what an error code or an event of the log means; false where name is neither. Commands are in small
// letters, codes and numbers are not.
func (p *program) explain(name string) bool {
	if first := []rune(name + " ")[0]; !unicode.IsUpper(first) && !unicode.IsDigit(first) {
		return false
	}
	topic, ok := engine.Help(name)
	if ok {
		fmt.Fprint(p.out, topic)
	}
	return ok
}
