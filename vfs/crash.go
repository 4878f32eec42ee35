package vfs

// settle makes durable what was done to a directory, and whatever that depends on: operations on a
// directory reach the journal in order, and a rename between two directories reaches it whole.
func (m *Mem) settle(dir *memNode) {
	involved := map[*memNode]bool{dir: true}
	durable := make([]bool, len(m.unsynced))
	for i := len(m.unsynced) - 1; i >= 0; i-- {
		op := &m.unsynced[i]
		if !op.touches(involved) {
			continue
		}
		durable[i] = true
		for _, e := range op.edits[:op.n] {
			involved[e.dir] = true
		}
	}
	rest := m.unsynced[:0]
	for i, op := range m.unsynced {
		if !durable[i] {
			rest = append(rest, op)
			continue
		}
		for _, e := range op.edits[:op.n] {
			e.apply(e.dir.durable)
		}
	}
	clear(m.unsynced[len(rest):])
	m.unsynced = rest
}

// touches reports whether the operation is one on any of these directories.
func (op *dirOp) touches(dirs map[*memNode]bool) bool {
	for _, e := range op.edits[:op.n] {
		if dirs[e.dir] {
			return true
		}
	}
	return false
}
