package relation

import (
	"bytes"
	"context"
	"fmt"
	"slices"

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
	}
	l.reading = s.readings.of(s, l.index, places)
	if l.from != nil {
		l.covered = covered{shape: s, index: l.index, from: l.from}
	}
	text := func(c keyColumn) bool { return c.typ.Kind.Textual() }
	l.lent = slices.ContainsFunc(l.columns, text) || slices.ContainsFunc(s.primary, text)
	l.key = l.room[:0]
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
	*reading
	table   *Table
	shape   *shape
	index   *index // nil: by the primary key
	columns []keyColumn
	covered covered // if the index has all that is asked for
	lent    bool    // texts may alias keys

	key, primary, stored []byte
	room                 [48]byte // for most keys
}

// Get implements exec.Lookup. The texts it returns stay good.
func (l *lookup) Get(dst, values []catalog.Value) (row []catalog.Value, found bool, err error) {
	if len(values) != len(l.columns) {
		return dst, false, fmt.Errorf("table %s: %w: the key has %d columns, given are %d",
			l.shape.Name, ErrArguments, len(l.columns), len(values))
	}
	if l.texts { // what they alias is not used again
		l.stored = nil
		if l.lent {
			l.key, l.primary = nil, nil
		}
	}
	if l.key, err = l.shape.appendBound(l.shape.appendTyped, l.key[:0], l.columns, values); err != nil {
		return dst, false, err
	}
	if l.index != nil {
		return l.getByIndex(dst)
	}
	return l.read(dst, l.key)
}

// getByIndex reads the row whose entry has the key.
func (l *lookup) getByIndex(dst []catalog.Value) (row []catalog.Value, found bool, err error) {
	l.primary, found, err = l.table.tables.txn.Get(l.index.space, l.primary[:0], l.key)
	switch {
	case err != nil || !found:
		return dst, false, err
	case len(l.primary) == 0:
		return dst, false, l.shape.damaged(l.index, l.key, "it says of no row that it has these values")
	case l.from != nil:
		row, _, err = l.covered.decode(dst, l.key, l.primary)
		return row, err == nil, err
	}
	row, found, err = l.read(dst, l.primary)
	if err == nil && !found {
		err = l.shape.damaged(l.index, l.key, "it has an entry for a row that is not there")
	}
	return row, found, err
}

// read reads the row of a primary key.
func (l *lookup) read(dst []catalog.Value, k []byte) (row []catalog.Value, found bool, err error) {
	if l.stored, found, err = l.table.tables.txn.Get(l.shape.rows, l.stored[:0], k); err != nil || !found {
		return dst, false, err
	}
	if row, err = l.rows.Decode(dst, k, l.stored); err != nil || !l.hidden {
		return row, err == nil, err
	}
	id, err := catalog.DecodeRowID(k)
	for i, at := range l.reading.columns {
		if at == plan.HiddenRowID {
			row[len(dst)+i] = catalog.Int(id)
		}
	}
	return row, err == nil, err
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
