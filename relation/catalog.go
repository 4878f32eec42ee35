package relation

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/catalog"
)

// shapesKept is how many decoded schemas of a table are kept: old transactions have old ones.
const shapesKept = 4

// Options are what a Catalog is made with. The zero value is the default.
type Options struct {
	// Now is the time for defaults such as now(). It is asked once a transaction. nil: the year 1970.
	Now func() time.Time
	// Random is the source of chance for defaults such as gen_random_uuid(), which fail without one. Any number of
	// goroutines may read it.
	Random io.Reader
	// BatchRows is how many rows one transaction of the building of an index takes, each of which may change another page of
	// a tree. 0: 10,000, which is the most.
	BatchRows int
}

// batchRows returns how many rows one transaction of a building takes at first.
func (o *Options) batchRows() int {
	if o.BatchRows <= 0 {
		return mostBatchRows
	}
	return min(max(o.BatchRows, leastBatchRows), mostBatchRows)
}

// A Catalog is what a process keeps of the tables of a Database: decoded schemas, numbers that are reserved, and about how
// many rows there are. Any number of goroutines may use it.
type Catalog struct {
	db      Database
	options Options
	batch   int // rows in a transaction of a building, at first
	untidy  atomic.Bool
	schemas schemas

	mu        sync.Mutex
	shapes    map[uint32][]*shape // by table, the newest first
	sequences map[uint32]*sequence
	estimates map[uint32]*estimate
	left      []*building // that have failed, and whose indexes are still there
}

// New returns the catalog of a database. There must be only one while the database is open, or numbers would be given
// twice.
func New(db Database, o Options) *Catalog {
	return &Catalog{
		db:        db,
		options:   o,
		batch:     o.batchRows(),
		shapes:    make(map[uint32][]*shape),
		sequences: make(map[uint32]*sequence),
		estimates: make(map[uint32]*estimate),
	}
}

// Tables binds the catalog to a transaction, for as long as that lasts. The context is that of the small transactions that
// reserve numbers.
func (c *Catalog) Tables(ctx context.Context, txn Txn) *Tables {
	t := &Tables{catalog: c, ctx: ctx, txn: txn}
	t.versioned, _ = txn.(Versioned)
	return t
}

// shape returns the shape of a schema as it is stored.
func (c *Catalog) shape(id uint32, encoded []byte) (*shape, error) {
	c.mu.Lock()
	for _, s := range c.shapes[id] {
		if bytes.Equal(s.encoded, encoded) {
			c.mu.Unlock()
			return s, nil
		}
	}
	c.mu.Unlock()
	s, err := newShape(bytes.Clone(encoded))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.shapes[id]
	c.shapes[id] = append([]*shape{s}, kept[:min(len(kept), shapesKept-1)]...)
	return s, nil
}

// forget drops what is known of a table that is gone.
func (c *Catalog) forget(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.shapes, id)
	delete(c.sequences, id)
	delete(c.estimates, id)
}

// RemoveUnfinished removes what a crash may have left: indexes whose building has not come to an end, and numbers of tables
// that are gone. It is called once, when the database was opened and nobody uses it yet.
func (c *Catalog) RemoveUnfinished(ctx context.Context) error {
	return c.db.Update(ctx, func(txn Txn) error {
		t := c.Tables(ctx, txn)
		tables, err := t.List()
		if err != nil {
			return err
		}
		for _, table := range tables {
			for _, ix := range table.Indexes {
				if ix.State == catalog.Building {
					err = errors.Join(err, t.DropIndex(table.Name, ix.Name))
				}
			}
		}
		return errors.Join(err, t.removeOrphans(tables))
	})
}

// removeOrphans removes the numbers of tables and sequences that are gone.
func (t *Tables) removeOrphans(tables []*catalog.Table) error {
	there := make(map[uint32]bool)
	for _, table := range tables {
		there[table.ID] = true
	}
	sequences, err := t.Objects(SequenceObject)
	if err != nil {
		return err
	}
	for _, o := range sequences {
		id, _, err := decodeSequence(o.Name, o.Value)
		if err != nil {
			return err
		}
		there[id] = true
	}
	for _, prefix := range []string{sequencePrefix, rowsPrefix, statisticsPrefix} {
		var gone [][]byte
		err := t.eachKey(prefix, func(k, _ []byte) error {
			if !there[binary.BigEndian.Uint32(k[len(prefix):])] {
				gone = append(gone, bytes.Clone(k))
			}
			return nil
		})
		for _, k := range gone {
			err = errors.Join(err, t.txn.Delete(catalogSpace, k))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
