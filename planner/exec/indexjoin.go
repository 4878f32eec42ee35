package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// An indexFetcher reads the rows of a table whose keys begin with values of a row of the left side.
type indexFetcher struct {
	storage Storage
	request ScanRequest
	parts   []keyPart
	keys    keyColumns
	lookup  Lookup // nil: there may be several rows
	found   bool   // by lookup, and not fetched
	empty   bool   // there is no partner
	row     []catalog.Value
	prefix  []catalog.Value
	cursor  Cursor // kept for the next row if it is a Restarter
	reading bool   // there may be more rows in it
	batch   catalog.Batch
	single  catalog.Batch // of one row
}

func newIndexJoin(b *builder, n *physical.IndexJoin, left Operator) (Operator, error) {
	table := n.Relation.Table
	if n.Kind == plan.FullJoin {
		return nil, b.unknown(n)
	}
	parts, unique, err := keyOf(table, n.Index)
	if err != nil {
		return nil, err
	}
	if b.options.Storage == nil || len(n.Keys) > len(parts) {
		return nil, sqlstate.New(sqlstate.InternalError, -1, "no key of table %s can be looked up", table.Name)
	}
	for i, k := range n.Keys {
		if t := parts[i].typ.Kind; k.Type.Kind != t {
			return nil, sqlstate.New(sqlstate.InternalError, k.At, "a key of %v is looked up by %v", t, k.Type.Kind)
		}
	}
	x := &indexFetcher{
		storage: b.options.Storage, parts: parts,
		request: ScanRequest{Table: table, Index: n.Index, Columns: n.Places, Again: true},
	}
	x.batch.Columns, x.single.Columns = newVectors(len(n.Places)), newVectors(len(n.Places))
	x.single.Len = 1
	if unique && len(n.Keys) == len(parts) {
		if x.lookup, err = x.storage.Lookup(table, n.Index, n.Places); err != nil {
			return nil, err
		}
	}
	if x.keys, err = b.keyColumns(n.Keys, n.Left.Columns()); err != nil {
		return nil, err
	}
	f := &fetchJoin{
		run: b.run, left: left, fetcher: x, buffer: newRowBuffer(len(n.Places)), ramp: ramp{most: b.options.BatchRows},
		wide: x.keys.widen,
	}
	f.joiner, err = b.newJoiner(n.Kind, n.Left.Columns(), n.Right, n.Output, n.On, n.Single, true)
	return f, err
}

func (x *indexFetcher) open(ctx context.Context, b *catalog.Batch, i int32) (err error) {
	x.prefix, x.found, x.empty = x.prefix[:0], false, false
	for k, at := range x.keys.places {
		v := b.Columns[at].Value(int(i))
		if x.empty = v.IsNull(); x.empty {
			return nil
		}
		f := fitting(v, x.parts[k].typ)
		if x.empty = !f.exact; x.empty { // no row has such a value
			return nil
		}
		x.prefix = append(x.prefix, f.below)
	}
	if x.lookup != nil {
		x.row, x.found, err = x.lookup.Get(x.row[:0], x.prefix)
		return err
	}
	x.request.Prefix = x.prefix
	if c, ok := x.cursor.(Restarter); ok {
		if x.reading, err = c.Restart(&x.request); x.reading || err != nil {
			return err
		}
	}
	if err = x.close(); err != nil {
		return err
	}
	x.reading = true
	x.cursor, err = x.storage.Scan(ctx, &x.request)
	return err
}

func (x *indexFetcher) fetch(_ context.Context, into *rowBuffer, most int) (bool, error) {
	switch {
	case x.found:
		for i, v := range x.row {
			x.single.Columns[i].Reset(0, 0, 1)
			x.single.Columns[i].Set(0, 1, v)
		}
		return false, into.append(&x.single, nil)
	case !x.reading:
		return false, nil
	}
	x.batch.Sel = nil
	some, err := x.cursor.Next(&x.batch, most)
	if !some || err != nil {
		return false, err
	}
	return true, into.append(&x.batch, nil)
}

func (x *indexFetcher) stop() error {
	x.reading = false
	return nil
}

func (x *indexFetcher) close() error {
	x.reading = false
	if x.cursor == nil {
		return nil
	}
	c := x.cursor
	x.cursor = nil
	return c.Close()
}
