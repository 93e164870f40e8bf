package store

import "context"

// Searcher is Files that can say why a selection found nothing.
type Searcher interface {
	// Missing is an error with code NotFound where a folder, or the container that it is in, does not exist; nil where
	// both do, where folders are not kept without files, and where it cannot be known.
	Missing(ctx context.Context, folder string) error
}
