package exec

import (
	"bytes"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
)

// worst is the last of the rows that a top-n sort keeps for now: rows that are not before it need not be kept.
type worst struct {
	known    bool
	key      []byte
	word     uint64 // of the first key, if there is one
	hasWord  bool
	kind     catalog.Kind
	scale    uint8
	encoder  keyEncoder
	selected [2][]int32
}

// set notes the row at i of the columns.
func (w *worst) set(columns []*catalog.Vector, keys []sortKey, i int32) {
	w.known = true
	w.encoder.keys = keys
	w.encoder.encode(columns, []int32{i})
	w.key = append(w.key[:0], w.encoder.key(0)...)
	v := columns[keys[0].place]
	w.hasWord = hasWords(v) && !v.IsNull(int(i))
	if w.hasWord {
		w.word, w.kind, w.scale = wordOf(v, i, keys[0].order&key.Descending != 0), v.Kind, scaleAt(v, i)
	}
}

// before returns the rows that sort before it. The result is valid until the next call.
func (w *worst) before(columns []*catalog.Vector, rows []int32) []int32 {
	if !w.known {
		return rows
	}
	keys := w.encoder.keys
	v := columns[keys[0].place]
	if w.hasWord && hasWords(v) && v.Kind == w.kind && (v.Kind != catalog.Decimal || v.Scale == w.scale) {
		rows = w.byWord(v, keys[0].order, rows)
		if len(keys) == 1 || len(rows) == 0 {
			return rows
		}
	}
	w.encoder.encode(columns, rows)
	out := slices.Grow(w.selected[1][:0], len(rows))
	for i, row := range rows {
		if bytes.Compare(w.encoder.key(i), w.key) < 0 {
			out = append(out, row)
		}
	}
	w.selected[1] = out
	return out
}

// byWord is before, by the first key alone. If there are others, rows remain that are equal in it.
func (w *worst) byWord(v *catalog.Vector, order key.Order, rows []int32) []int32 {
	limit, down := w.word, order&key.Descending != 0
	if len(w.encoder.keys) > 1 {
		if limit++; limit == 0 {
			return rows
		}
	}
	out := slices.Grow(w.selected[0][:0], len(rows))
	switch {
	case v.Nulls != nil:
		for _, i := range rows {
			if v.Nulls[i] {
				if order&key.NullsFirst != 0 {
					out = append(out, i)
				}
			} else if wordOf(v, i, down) < limit {
				out = append(out, i)
			}
		}
	case v.Kind == catalog.Float64:
		for _, i := range rows {
			if wordOf(v, i, down) < limit {
				out = append(out, i)
			}
		}
	default:
		flip := uint64(1) << 63
		if down {
			flip = ^flip
		}
		for _, i := range rows {
			if uint64(v.Ints[i])^flip < limit {
				out = append(out, i)
			}
		}
	}
	w.selected[0] = out
	return out
}
