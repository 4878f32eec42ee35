package exec

import (
	"unsafe"

	"github.com/middb/middb/catalog"
)

// textSlot is a group of a text, as intSlot is, with half of its hash.
type textSlot struct {
	hash  uint32
	group int32
}

// textIndex is a hash table of texts.
type textIndex struct {
	slots []textSlot
	keys  []string // of each group
	null  int32    // the group of NULL plus 1, which has no key; 0: there is none
	size  int64    // bytes of keys
}

// lookup returns the group of a text, or noGroup and the slot where it belongs.
func (t *textIndex) lookup(hash uint64, s string) (group int32, at uint64) {
	mask := uint64(len(t.slots) - 1)
	at = hash & mask
	for {
		slot := t.slots[at]
		if slot.group == 0 {
			return noGroup, at
		}
		if slot.hash == uint32(hash>>32) && t.keys[slot.group-1] == s {
			return slot.group - 1, at
		}
		at = (at + 1) & mask
	}
}

// put adds a text, which stays good, at a free slot. Its group is the next one.
func (t *textIndex) put(at, hash uint64, s string) {
	t.keys = append(t.keys, s)
	t.size += int64(len(s))
	t.slots[at] = textSlot{uint32(hash >> 32), int32(len(t.keys))}
	if full(len(t.keys), len(t.slots)) {
		t.grow()
	}
}

func (t *textIndex) grow() {
	t.slots = make([]textSlot, max(2*len(t.slots), firstSlots))
	mask := uint64(len(t.slots) - 1)
	for i, s := range t.keys {
		if int32(i+1) == t.null {
			continue
		}
		hash := hashBytes(bytesOf(s))
		at := hash & mask
		for t.slots[at].group != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = textSlot{uint32(hash >> 32), int32(i + 1)}
	}
}

func (t *textIndex) bytes() int64 { return int64(len(t.slots))*8 + int64(cap(t.keys))*16 + t.size }

func (t *textIndex) reset() {
	if len(t.slots) > keptSlots {
		*t = textIndex{}
		return
	}
	clear(t.slots)
	clear(t.keys)
	t.keys, t.null, t.size = t.keys[:0], 0, 0
}

// textGroups is the table of one column of texts.
type textGroups struct {
	textIndex
	place int
	kind  catalog.Kind
}

func (t *textGroups) find(columns []*catalog.Vector, rows, list, fresh []int32, _ int32, frozen bool) ([]int32, error) {
	v := columns[t.place]
	if err := checkKind(v, t.kind); err != nil {
		return fresh, err
	}
	if t.slots == nil {
		t.grow()
	}
	for i, row := range rows {
		if v.Kind == 0 || v.Nulls != nil && v.Nulls[row] {
			if t.null == 0 && !frozen {
				t.keys = append(t.keys, "")
				t.null = int32(len(t.keys))
				fresh = append(fresh, row)
			}
			list[i] = t.null - 1
			continue
		}
		s := v.Texts[row]
		hash := hashBytes(bytesOf(s))
		group, at := t.lookup(hash, s)
		if group < 0 && !frozen {
			group = int32(len(t.keys))
			fresh = append(fresh, row)
			t.put(at, hash, s)
		}
		list[i] = group
	}
	return fresh, nil
}

// keyGroups is the table of any columns: of the bytes of their keys.
type keyGroups struct {
	textIndex
	encoder keyEncoder
	arena   []byte // behind the keys that are in use
}

// arenaBytes is how many bytes the keys of groups are allocated in.
const arenaBytes = 16 << 10

func (t *keyGroups) find(columns []*catalog.Vector, rows, list, fresh []int32, _ int32, frozen bool) ([]int32, error) {
	if t.slots == nil {
		t.grow()
	}
	t.encoder.encode(columns, rows)
	for i, row := range rows {
		k := t.encoder.key(i)
		hash := hashBytes(k)
		group, at := t.lookup(hash, unsafe.String(unsafe.SliceData(k), len(k)))
		if group < 0 && !frozen {
			group = int32(len(t.keys))
			fresh = append(fresh, row)
			t.put(at, hash, t.keep(k))
		}
		list[i] = group
	}
	return fresh, nil
}

// keep returns a copy of a key.
func (t *keyGroups) keep(k []byte) string {
	if cap(t.arena)-len(t.arena) < len(k) {
		t.arena = make([]byte, 0, max(min(arenaBytes, 2*cap(t.arena)), len(k), 512))
	}
	from := len(t.arena)
	t.arena = append(t.arena, k...)
	return unsafe.String(unsafe.SliceData(t.arena[from:]), len(k))
}

func (t *keyGroups) reset() {
	t.textIndex.reset()
	t.arena = nil
}
