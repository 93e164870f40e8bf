package store

import (
	"context"
	"time"
)

// Browse lists what lies directly below path, "" being the top, in the order of the names, and calls fn for each; an
// error of fn ends it and is returned. It shows what the signed-in person may see.
//
//	database: "" → schemas (or databases), "schema" → its tables and views
//	files:    "" → containers or folders and files, "folder/sub" → what is in it
type Browse func(ctx context.Context, env Env, path string, fn func(Entry) error) error

// Entry is one thing that Browse found.
type Entry struct {
	Name string `json:"name"`
	// Path is what Browse takes to look inside, and what a dataset calls it: "dbo.Orders", "container/folder".
	Path string `json:"path"`
	Kind string `json:"kind"` // schema, table, view, container, folder, file
	// Size in bytes and Modified are zero where unknown.
	Size     int64     `json:"size,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
}

// Kinds of entries.
const (
	KindSchema    = "schema"
	KindTable     = "table"
	KindView      = "view"
	KindContainer = "container"
	KindFolder    = "folder"
	KindFile      = "file"
)
