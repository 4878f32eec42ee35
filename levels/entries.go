package levels

import (
	"bytes"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// AppendEntries appends what the tables say of user key k, newest first.
func (v *Version) AppendEntries(dst []merge.Entry, k []byte, hash uint64) ([]merge.Entry, bool, error) {
	for l, ts := range v.Levels {
		if l > 0 {
			i := v.fences[l].find(ts, k)
			if i == len(ts) || bytes.Compare(k, ts[i].Smallest) < 0 {
				continue
			}
			ts = ts[i : i+1]
		}
		for _, t := range ts {
			if !t.holds(k) {
				continue
			}
			out, tr, found, err := t.get(k, hash, nil)
			if err != nil {
				return dst, false, err
			}
			if found {
				dst = append(dst, merge.Entry{Kind: tr.Kind(), Value: out})
				if tr.Kind() != key.KindMerge || merge.Complete(out) {
					return dst, true, nil
				}
			}
		}
	}
	return dst, false, nil
}
