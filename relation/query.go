package relation

import (
	"bytes"
	"context"
	"fmt"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/plan"
)

// Storage returns the tables as queries read them. It is good as long as the Tables are.
func (t *Tables) Storage() exec.Storage { return queries{t} }

// queries is what runs queries over tables of a transaction.
type queries struct{ tables *Tables }

var _ exec.Storage = queries{}

// table returns the table whose schema a plan was made with. If it has another one by now, the plan is worth nothing.
func (q queries) table(schema *catalog.Table) (*Table, error) {
	h, err := q.tables.handle(schema.ID)
	if err != nil {
		return nil, err
	}
	if h.shape.Table != schema && !bytes.Equal(h.shape.encoded, schema.Encode()) {
		return nil, fmt.Errorf("table %s: %w", schema.Name, ErrStalePlan)
	}
	return h, nil
}

// Scan implements exec.Storage.
func (q queries) Scan(ctx context.Context, r *exec.ScanRequest) (exec.Cursor, error) {
	h, err := q.table(r.Table)
	if err != nil {
		return nil, err
	}
	return h.newCursor(ctx, r)
}

// Lookup implements exec.Storage.
func (q queries) Lookup(schema *catalog.Table, name string, places []int) (exec.Lookup, error) {
	h, err := q.table(schema)
	if err != nil {
		return nil, err
	}
	s := h.shape
	if err = s.checkPlaces(places); err != nil {
		return nil, err
	}
	l := &lookup{table: h, shape: s, columns: s.scanKey()}
	if name != "" {
		if l.index, err = h.readyIndex(name); err != nil {
			return nil, err
		}
		if !l.index.Unique {
			return nil, fmt.Errorf("table %s, index %s: %w: it may have several rows with the same values", s.Name, name, ErrArguments)
		}
		l.columns = l.index.columns
		l.covered = s.cover(l.index, places)
	}
	l.decoder = s.decoderOf(places)
	l.lasting = true
	for i, at := range places {
		if at == plan.HiddenRowID {
			l.ids = append(l.ids, i)
		} else if s.Columns[at].Type.Kind.Textual() {
			l.lasting = false
		}
	}
	return l, nil
}

// checkPlaces checks that columns are there.
func (s *shape) checkPlaces(places []int) error {
	for _, at := range places {
		if at == plan.HiddenRowID && s.hidden() {
			continue
		}
		if at < 0 || at >= len(s.Columns) {
			return fmt.Errorf("table %s: %w: there is no column %d", s.Name, ErrArguments, at)
		}
	}
	return nil
}

// A lookup reads single rows by the primary key or a unique index. It implements exec.Lookup.
type lookup struct {
	table   *Table
	shape   *shape
	index   *index // nil: by the primary key
	columns []keyColumn
	covered *covered // the index has all that is asked for
	decoder *catalog.RowDecoder
	ids     []int // where among the columns the hidden row id goes
	lasting bool  // no value aliases what is read

	key, primary, stored []byte
}

// Get implements exec.Lookup. The texts it returns stay good.
func (l *lookup) Get(dst, values []catalog.Value) (row []catalog.Value, found bool, err error) {
	if len(values) != len(l.columns) {
		return dst, false, fmt.Errorf("table %s: %w: the key has %d columns, given are %d",
			l.shape.Name, ErrArguments, len(l.columns), len(values))
	}
	if l.key, err = l.shape.appendBound(l.shape.appendTyped, l.key[:0], l.columns, values); err != nil {
		return dst, false, err
	}
	txn, k := l.table.tables.txn, l.key
	if l.index != nil {
		into := l.primary[:0]
		if l.covered != nil {
			into = nil // the values alias it
		}
		if l.primary, found, err = txn.Get(l.index.space, into, l.key); err != nil || !found {
			return dst, false, err
		}
		if len(l.primary) == 0 {
			return dst, false, l.shape.damaged(l.index, l.key, "it says of no row that it has these values")
		}
		if l.covered != nil {
			row, _, err = l.covered.decode(dst, append([]byte(nil), l.key...), l.primary)
			return row, err == nil, err
		}
		k = l.primary
	}
	if !l.lasting {
		l.stored = nil
		if l.index == nil {
			l.key = nil // values may alias it
		} else {
			l.primary = nil
		}
	}
	if l.stored, found, err = txn.Get(l.shape.rows, l.stored[:0], k); err != nil {
		return dst, false, err
	}
	if !found && l.index != nil {
		return dst, false, l.shape.damaged(l.index, l.key, "it has an entry for a row that is not there")
	}
	if !found {
		return dst, false, nil
	}
	from := len(dst)
	if row, err = l.decoder.Decode(dst, k, l.stored); err != nil {
		return row, false, err
	}
	for _, i := range l.ids {
		id, err := catalog.DecodeRowID(k)
		if err != nil {
			return dst, false, err
		}
		row[from+i] = catalog.Int(id)
	}
	return row, true, nil
}

// appendTyped appends values that are of the types of columns already, as those of plans are, but for the scale of decimals
// and lengths.
func (s *shape) appendTyped(dst []byte, columns []keyColumn, values []catalog.Value) ([]byte, error) {
	if len(values) > len(columns) {
		return dst, fmt.Errorf("table %s: %w: the key has %d columns, given are %d", s.Name, ErrArguments, len(columns), len(values))
	}
	for i, v := range values {
		c := columns[i]
		if v.IsNull() || v.Kind() == c.typ.Kind && v.Kind() != catalog.Decimal {
			dst = catalog.AppendKeyValue(dst, v, c.order)
			continue
		}
		var err error
		if dst, err = s.appendKey(dst, columns[i:i+1], values[i:i+1]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}
