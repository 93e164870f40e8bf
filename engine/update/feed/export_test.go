package feed

import "time"

// Impatient makes the client wait only so long for a server that sends nothing.
func (c *Client) Impatient(d time.Duration) *Client { c.patience = d; return c }

// Pin pins a root as the linker does, until the function it gives is called.
func Pin(root string) (undo func()) {
	old := pinnedRoot
	pinnedRoot = root
	return func() { pinnedRoot = old }
}
