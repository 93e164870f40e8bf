package json

// node is a place in a document that somebody wants, or that lies on the way there. Each reader has nodes of its own.
type node struct {
	cell  int // where the value goes; -1 = nowhere
	name  string
	kids  []*node          // by name, in the order of the columns
	named map[string]*node // the same
	items []item           // by index

	below  []int  // the cells of all nodes below
	record uint64 // the last record that had a value here

	first int64            // the first row with a value here, of a known column that nobody wants
	extra map[string]int64 // names that no column has, and the first row with each
}

type item struct {
	index int
	node  *node
}

func newNode() *node { return &node{cell: -1} }

// at finds or makes the node at the end of steps.
func (n *node) at(steps []step) *node {
	for _, s := range steps {
		n = n.child(s)
	}
	return n
}

func (n *node) child(s step) *node {
	if s.index >= 0 {
		for _, it := range n.items {
			if it.index == s.index {
				return it.node
			}
		}
		c := newNode()
		n.items = append(n.items, item{s.index, c})
		return c
	}
	if c := n.named[s.name]; c != nil {
		return c
	}
	c := newNode()
	c.name = s.name
	if n.named == nil {
		n.named = map[string]*node{}
	}
	n.named[s.name] = c
	n.kids = append(n.kids, c)
	return c
}

// find gives the node of a name, nil where nobody wants it. hint is the position of the likely one: names mostly come
// in the same order.
func (n *node) find(name []byte, hint int) (*node, int) {
	if hint < len(n.kids) && n.kids[hint].name == string(name) {
		return n.kids[hint], hint + 1
	}
	c := n.named[string(name)]
	if c == nil {
		return nil, hint
	}
	for i, k := range n.kids[min(hint, len(n.kids)):] {
		if k == c {
			return c, hint + i + 1
		}
		if i == 8 {
			break
		}
	}
	return c, hint
}

// finish collects the cells below each node; call it when the tree is whole.
func (n *node) finish() []int {
	n.below = nil
	each := func(c *node) {
		n.below = append(n.below, c.finish()...)
		if c.cell >= 0 {
			n.below = append(n.below, c.cell)
		}
	}
	for _, k := range n.kids {
		each(k)
	}
	for _, it := range n.items {
		each(it.node)
	}
	return n.below
}
