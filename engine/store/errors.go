package store

import "errors"

// ErrAlreadyCommitted is what a Writer's Commit returns when another attempt has committed the partition already.
var ErrAlreadyCommitted = errors.New("another attempt has committed this partition already")
