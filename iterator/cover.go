package iterator

import "bytes"

// A stretch is a range of keys: from start, inclusive, to end, exclusive; nil is no bound.
type stretch struct {
	start, end []byte
	known      bool // false: there is none
}

func (s *stretch) holds(k []byte) bool {
	return s.known && (s.start == nil || bytes.Compare(s.start, k) <= 0) &&
		(s.end == nil || bytes.Compare(k, s.end) < 0)
}

// uncover moves a source that stands at an entry past all that newer sources hide, and reports whether
// it stands at an entry then. Whole stretches are passed by a seek, so that what they hold is not even
// read. If asking a source for its ranges fails, it ends the merge.
func (m *Merging) uncover(s *source) bool {
	k := s.it.Key()
	for !s.clear.holds(k) {
		at, covered, err := m.covering(k, s.masks)
		switch {
		case err != nil:
			return m.fail(err)
		case !covered:
			s.clear = at
			return true
		case m.reverse:
			if at.start == nil || !s.it.SeekLT(at.start) {
				return false
			}
		default:
			if at.end == nil || !s.it.SeekGE(at.end) {
				return false
			}
		}
		k = s.it.Key()
	}
	return true
}

// covering returns a stretch around k that one of the n newest ranges covers or, without such, one that
// none of them does.
func (m *Merging) covering(k []byte, n int) (at stretch, covered bool, err error) {
	at.known = true
	for _, r := range m.ranges[:n] {
		start, end, covered, err := r.Covering(k)
		if covered || err != nil {
			return stretch{start, end, true}, covered, err
		}
		if start != nil && (at.start == nil || bytes.Compare(start, at.start) > 0) {
			at.start = start
		}
		if end != nil && (at.end == nil || bytes.Compare(end, at.end) < 0) {
			at.end = end
		}
	}
	return at, false, nil
}
