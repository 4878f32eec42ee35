package relation

import (
	"context"
	"testing"

	"github.com/middb/middb/catalog"
)

// A counter is a transaction that has nothing but the catalog, and counts what is written.
type counter struct {
	Txn
	writes int
}

func (c *counter) Get(s Space, dst, k []byte) ([]byte, bool, error) {
	if s == catalogSpace {
		return c.Txn.Get(s, dst, k)
	}
	return dst, false, nil
}

func (c *counter) Put(Space, []byte, []byte) error {
	c.writes++
	return nil
}
func (c *counter) DependOn(Space, []byte)     {}
func (c *counter) Savepoint() (any, error)    { return 1, nil }
func (c *counter) Release(any)                {}
func (c *counter) RollbackTo(any) error       { return nil }
func (c *counter) Delete(Space, []byte) error { return nil }

func ordersTable(b testing.TB) (*Table, *counter) {
	b.Helper()
	db := newFake()
	c := New(db, Options{})
	d, err := catalog.NewTable("orders").Column("id", "BIGINT").Column("customer", "BIGINT", catalog.NotNull).
		Column("state", "TEXT").Column("total", "DECIMAL(12,2)").PrimaryKey("id").
		Index("by_customer", "customer").Index("by_state", "state", "total DESC").Build()
	if err != nil {
		b.Fatal(err)
	}
	if err := try(c, func(t *Tables) error { return t.Create(d) }); err != nil {
		b.Fatal(err)
	}
	count := &counter{Txn: db.begin()}
	h, err := c.Tables(context.Background(), count).Table("orders")
	if err != nil {
		b.Fatal(err)
	}
	return h, count
}

// BenchmarkInsert inserts rows with two secondary indexes into a storage that only counts.
func BenchmarkInsert(b *testing.B) {
	h, count := ordersTable(b)
	values := []catalog.Value{catalog.Int(1), catalog.Int(77), catalog.Str("shipped"), catalog.DecimalOf(12345, 2)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		values[0] = catalog.Int(int64(i))
		if err := h.Insert(values...); err != nil {
			b.Fatal(err)
		}
	}
	if count.writes != 3*b.N {
		b.Fatalf("%d writes for %d rows", count.writes, b.N)
	}
}

func TestInsertAllocatesNothing(t *testing.T) {
	h, _ := ordersTable(t)
	values := []catalog.Value{catalog.Int(1), catalog.Int(77), catalog.Str("shipped"), catalog.DecimalOf(12345, 2)}
	n := testing.AllocsPerRun(1000, func() {
		if err := h.Insert(values...); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("an insert into a table with two indexes makes %v allocations", n)
	}
}
