package relation

import (
	"context"
	"encoding/binary"
	"errors"
)

// An estimate is about how many rows a table has.
type estimate struct {
	rows  int64
	dirty bool // since SaveEstimates
}

// estimate returns about how many rows a table has; read tells what is stored.
func (c *Catalog) estimate(id uint32, read func() (uint64, error)) (int64, error) {
	c.mu.Lock()
	e := c.estimates[id]
	c.mu.Unlock()
	if e == nil {
		rows, err := read()
		if err != nil {
			return 0, err
		}
		c.mu.Lock()
		if e = c.estimates[id]; e == nil {
			e = &estimate{rows: int64(rows)}
			c.estimates[id] = e
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(e.rows, 0), nil
}

// setEstimate notes a number of rows that was counted.
func (c *Catalog) setEstimate(id uint32, rows int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.estimates[id] = &estimate{rows: rows, dirty: true}
}

func (c *Catalog) addEstimate(id uint32, delta int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.estimates[id]; e != nil {
		e.rows = max(e.rows+delta, 0)
		e.dirty = true
	}
}

// SaveEstimates stores the numbers of rows that have changed, for when the database is opened again. After a crash they are
// what was stored last.
func (c *Catalog) SaveEstimates(ctx context.Context) error {
	c.mu.Lock()
	rows := make(map[uint32]int64)
	for id, e := range c.estimates {
		if e.dirty {
			rows[id] = e.rows
			e.dirty = false
		}
	}
	c.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	return c.db.Update(ctx, func(txn Txn) (err error) {
		for id, n := range rows {
			v := binary.BigEndian.AppendUint64(nil, uint64(n))
			err = errors.Join(err, txn.Put(catalogSpace, idKey(rowsPrefix, id), v))
		}
		return err
	})
}

// Committed is called when the transaction was committed: what it did then counts for estimates.
func (t *Tables) Committed() {
	for _, h := range t.handles {
		if h.added != 0 {
			if _, err := t.storedEstimate(h.id); err == nil {
				t.catalog.addEstimate(h.id, h.added)
			}
		}
		h.added = 0
	}
	for _, id := range t.dropped {
		t.catalog.forget(id)
	}
	t.dropped = nil
}
