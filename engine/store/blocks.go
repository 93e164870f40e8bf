package store

// BlockWriter is a FileWriter that can take a file in large blocks without copying them. A file that is written that way
// gets nothing by Write. A FileWriter may also be an [io.WriterAt]: a file of known size can then be written at offsets,
// from several goroutines at once and in any order, instead of by Write.
type BlockWriter interface {
	// BlockLength is how many bytes the blocks of a file of size bytes shall have, the last one at most; 0 where Write
	// suits the file better.
	BlockLength(size int64) int64
	// WriteBlock adds the next block, as Write does, and keeps b until it calls free, once, from any goroutine. After
	// an error free may stay uncalled.
	WriteBlock(b []byte, free func()) error
}
