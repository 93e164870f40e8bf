// Package files makes rows out of files and files out of rows: a store.Source and a store.Sink that sit on a file store
// and a format. It also selects files and names them, for these two and for the copy of bytes.
package files
