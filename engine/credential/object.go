package credential

import (
	"encoding/json"

	"dmgateway/engine/fault"
)

// maxJSON bounds what is read, maxDepth how deep it may nest.
const (
	maxJSON  = 16 << 20
	maxDepth = 64
)

// checkJSON refuses what is too large or too deep, before anything is done with it.
func checkJSON(data []byte) error {
	if len(data) > maxJSON {
		return fault.New(fault.BadInput, "JSON of %d bytes is larger than the limit of %d", len(data), maxJSON)
	}
	if !json.Valid(data) {
		var v any
		return fault.New(fault.BadInput, "JSON cannot be read").Because(json.Unmarshal(data, &v))
	}
	depth, quoted, escaped := 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fault.New(fault.BadInput, "JSON is nested deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
