package blob

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/zeebo/xxh3"
)

// nameSize is the length of a block's name before Base64: a hash of 128 bits of its content, and its number. The service
// takes up to 64 bytes, all of one length in one blob.
const nameSize = 20

// staged is what the service holds of a blob: blocks of uploads that were never finished, and those that the blob is
// made of. It is asked once, when the second block would be sent.
type staged struct {
	once   sync.Once
	err    error
	size   int // of names
	blocks map[string]int64
}

// look asks the service. A blob or container that does not exist has no blocks; nor has what this identity may not ask
// for: everything is sent then.
func (s *staged) look(ctx context.Context, b *blockblob.Client) error {
	s.once.Do(func() {
		s.size = nameSize
		r, err := b.GetBlockList(ctx, blockblob.BlockListTypeAll, nil)
		if err != nil {
			s.err = ctx.Err()
			return
		}
		s.blocks = make(map[string]int64, len(r.CommittedBlocks)+len(r.UncommittedBlocks))
		for _, x := range r.CommittedBlocks {
			s.blocks[deref(x.Name)] = deref(x.Size)
		}
		for _, x := range r.UncommittedBlocks {
			s.blocks[deref(x.Name)] = deref(x.Size)
			// Another program's unfinished upload decides how long the names must be.
			if raw, err := base64.StdEncoding.DecodeString(deref(x.Name)); err == nil {
				s.size = len(raw)
			}
		}
	})
	return s.err
}

// name is the block's, by its number and content.
func (s *staged) name(n int, content []byte) string {
	sum := xxh3.Hash128(content).Bytes()
	raw := make([]byte, max(s.size, nameSize))
	copy(raw, sum[:])
	binary.BigEndian.PutUint32(raw[len(sum):], uint32(n))
	if s.size < nameSize { // names that are too short to tell contents apart: only the number, which is sent anew
		raw = raw[:s.size]
		clear(raw)
		var number [4]byte
		binary.BigEndian.PutUint32(number[:], uint32(n))
		copy(raw[max(0, s.size-4):], number[max(0, 4-s.size):])
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// has reports whether the service holds the block, with that size.
func (s *staged) has(id string, size int64) bool {
	held, ok := s.blocks[id]
	return ok && held == size && s.size >= nameSize
}
