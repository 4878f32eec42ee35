package collection

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
)

// A Collection is a table whose rows are values of T, a struct. Each method runs in a transaction of its own, again after a
// conflict, unless the collection is one of a transaction: see In. What methods return, and what they fill in, is a copy that
// the caller owns. It is safe for concurrent use; that of a transaction is for the goroutine that has the transaction.
type Collection[T any] struct {
	db         *engine.DB
	txn        *engine.Txn // nil: each call has its own
	model      *model
	definition *catalog.Definition
	bound      *atomic.Pointer[binding] // to the schema that was seen last
}

// A Key is the key of several columns where one value is expected. Shorter ones stand for the first columns of a key.
type Key []any

// Open returns the collection of a table. It makes the table if it is not there, adds columns and indexes to one that is, and
// checks the rest; see the documentation of the package. Building an index over many rows takes its time, and ends with ctx.
func Open[T any](ctx context.Context, db *engine.DB, table string) (*Collection[T], error) {
	fail := func(err error) (*Collection[T], error) {
		return nil, fmt.Errorf("open collection %s: %w", table, err)
	}
	m, err := modelOf(reflect.TypeFor[T]())
	if err != nil {
		return fail(err)
	}
	d, err := m.definition(table)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", ErrTag, err))
	}
	if err := m.prepare(ctx, db, d); err != nil {
		return fail(err)
	}
	return &Collection[T]{db: db, model: m, definition: d, bound: new(atomic.Pointer[binding])}, nil
}

// Name returns the name of the table.
func (c *Collection[T]) Name() string { return c.definition.Table.Name }

// In returns the collection as a transaction sees it. A call that fails changes nothing, and the transaction goes on.
func (c *Collection[T]) In(txn *engine.Txn) *Collection[T] {
	in := *c
	in.txn = txn
	return &in
}

// run runs f on the table, in the transaction of the collection or in one of its own.
func (c *Collection[T]) run(
	what string, own func(context.Context, func(*engine.Txn) error) error, f func(*relation.Table, *binding) error,
) error {
	var inner error // without what own says of it
	in := func(txn *engine.Txn) error {
		inner = c.on(txn, f)
		return inner
	}
	var err error
	if c.txn != nil {
		err = in(c.txn)
	} else if err = own(context.Background(), in); inner != nil {
		err = inner
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (c *Collection[T]) on(txn *engine.Txn, f func(*relation.Table, *binding) error) error {
	t, err := txn.Table(c.Name())
	if err != nil {
		return err
	}
	b := c.bound.Load()
	if b == nil || b.schema != t.Schema() {
		if b, err = c.model.bind(t.Schema(), c.definition); err != nil {
			return err
		}
		c.bound.Store(b)
	}
	return f(t, b)
}

// Insert inserts a row, and sets *row to what is stored: with its number and its defaults, without what is below a
// microsecond. A field with the option identity or default counts as not given if it is zero.
func (c *Collection[T]) Insert(row *T) error {
	return c.put("insert", row, func(t *relation.Table, b *binding, r reflect.Value) error { return insert(t, b, r) })
}

// Upsert inserts a row like Insert, or replaces the one that has its primary key: then all fields are stored as they are, and
// columns that have no field stay.
func (c *Collection[T]) Upsert(row *T) error {
	return c.put("upsert", row, func(t *relation.Table, b *binding, r reflect.Value) error {
		key, known, err := b.primary(r)
		if err != nil {
			return err
		}
		if !known {
			return insert(t, b, r)
		}
		places, values, err := b.encode(r, false)
		if err != nil {
			return err
		}
		err = t.UpdateColumns(key, places, values)
		if errors.Is(err, engine.ErrRowNotFound) {
			return insert(t, b, r)
		}
		if err != nil {
			return err
		}
		stored, err := t.Get(key...)
		if err != nil {
			return err
		}
		return b.decodeAll(r, stored.Values())
	})
}

// put runs f on a copy of a row, and sets the row to it if that succeeds.
func (c *Collection[T]) put(what string, row *T, f func(*relation.Table, *binding, reflect.Value) error) error {
	if row == nil {
		return fmt.Errorf("%s: %w: the row is nil", what, relation.ErrArguments)
	}
	var stored T
	err := c.run(what, c.db.Update, func(t *relation.Table, b *binding) error {
		stored = *row
		return f(t, b, reflect.ValueOf(&stored).Elem())
	})
	if err == nil {
		*row = stored
	}
	return err
}

func insert(t *relation.Table, b *binding, row reflect.Value) error {
	places, values, err := b.encode(row, true)
	if err != nil {
		return err
	}
	if err := t.InsertColumns(places, values); err != nil {
		return err
	}
	return b.decodeAll(row, t.Inserted().Values())
}

// Get returns the row of a primary key, or engine.ErrRowNotFound.
func (c *Collection[T]) Get(key ...any) (T, error) {
	var row T
	err := c.run("get", c.db.View, func(t *relation.Table, b *binding) error {
		primary, err := b.key(b.schema.PrimaryKey, flat(key))
		if err != nil {
			return err
		}
		stored, err := t.Get(primary...)
		if err != nil {
			return err
		}
		return b.decodeAll(reflect.ValueOf(&row).Elem(), stored.Values())
	})
	return row, err
}

// Update changes the row of a primary key, a value or a Key of several, or returns engine.ErrRowNotFound. What change returns
// as an error is returned, and nothing is changed then. Outside of a transaction change runs again after a conflict, on the
// row as it is then.
func (c *Collection[T]) Update(key any, change func(row *T) error) error {
	return c.run("update", c.db.Update, func(t *relation.Table, b *binding) error {
		primary, err := b.key(b.schema.PrimaryKey, flat([]any{key}))
		if err != nil {
			return err
		}
		return t.Update(primary, func(r *relation.Row) error {
			var row T
			v := reflect.ValueOf(&row).Elem()
			if err := b.decodeAll(v, r.Values()); err != nil {
				return err
			}
			if err := change(&row); err != nil {
				return err
			}
			places, values, err := b.encode(v, false)
			for i := range values {
				err = errors.Join(err, r.Set(b.schema.Columns[places[i]].Name, values[i]))
			}
			return err
		})
	})
}

// Delete deletes the row of a primary key, or returns engine.ErrRowNotFound.
func (c *Collection[T]) Delete(key ...any) error {
	return c.run("delete", c.db.Update, func(t *relation.Table, b *binding) error {
		primary, err := b.key(b.schema.PrimaryKey, flat(key))
		if err != nil {
			return err
		}
		return t.Delete(primary...)
	})
}

// Count counts the rows, by going over their keys.
func (c *Collection[T]) Count() (n uint64, err error) {
	err = c.run("count", c.db.View, func(t *relation.Table, _ *binding) error {
		n, err = t.Count()
		return err
	})
	return n, err
}

// flat returns the values of a key that was given as a Key or one by one.
func flat(key []any) []any {
	if len(key) == 1 {
		if k, ok := key[0].(Key); ok {
			return k
		}
	}
	return key
}
