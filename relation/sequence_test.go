package relation

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/middb/middb/catalog"
)

func TestNumbersAreGivenOnce(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 7))
		db := newFake()
		s := New(db, Options{}).sequence(1)
		given := map[int64]bool{}
		for range 500 {
			switch r.IntN(20) {
			case 0:
				db.crash(0)
				s = New(db, Options{}).sequence(1)
			case 1:
				n := int64(r.IntN(5000))
				if err := s.moveOn(ctx, db, n); err != nil {
					t.Fatal(err)
				}
				for m := range n {
					given[m+1] = true // they must not come any more
				}
			default:
				n, err := s.next(ctx, db)
				if err != nil || n < 1 || given[n] {
					t.Fatalf("seed %d: number %d again, %v", seed, n, err)
				}
				given[n] = true
			}
		}
	}
}

// Blocks grow, so that many numbers take few transactions.
func TestNumbersAreReservedInGrowingBlocks(t *testing.T) {
	db := newFake()
	s := New(db, Options{}).sequence(1)
	for want := int64(1); want <= 100_000; want++ {
		if n, err := s.next(context.Background(), db); n != want || err != nil {
			t.Fatal(n, want, err)
		}
	}
	if db.seq > 20 {
		t.Errorf("%d transactions", db.seq)
	}
}

func TestNumbersComeToAnEnd(t *testing.T) {
	db := newFake()
	ctx := context.Background()
	s := New(db, Options{}).sequence(1)
	if err := s.moveOn(ctx, db, math.MaxInt64-1); err != nil {
		t.Fatal(err)
	}
	if n, err := s.next(ctx, db); n != math.MaxInt64 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := s.next(ctx, db); !errors.Is(err, ErrExhausted) {
		t.Fatal(n, err)
	}
	if err := s.moveOn(ctx, db, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
}

// lockedDB makes a fake one for many goroutines.
type lockedDB struct {
	*fake
	mu sync.Mutex
}

func (l *lockedDB) Update(ctx context.Context, f func(Txn) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fake.Update(ctx, f)
}

func TestManyGoroutinesTakeNumbers(t *testing.T) {
	db := &lockedDB{fake: newFake()}
	s := New(db, Options{}).sequence(1)
	var mu sync.Mutex
	given := map[int64]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				n, err := s.next(context.Background(), db)
				mu.Lock()
				if err != nil || given[n] {
					t.Errorf("number %d again, %v", n, err)
				}
				given[n] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestExplicitNumbersMoveTheSequenceOn(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, people())
	insert(t, c, "people", row(nil, "a", 1, nil), row(100, "b", 1, nil), row(nil, "c", 1, nil), row(50, "d", 1, nil), row(nil, "e", 1, nil))
	c = New(c.db, Options{})
	insert(t, c, "people", row(-3, "f", 1, nil), row(1000, "g", 1, nil), row(nil, "h", 1, nil))
	if got := text(t, c, "people", "", ScanOptions{Columns: []string{"id"}}); got != "-3; 1; 50; 100; 101; 102; 1000; 1001" {
		t.Error(got)
	}
}

// The row id of a table without a primary key and its identity column share the sequence.
func TestHiddenIDsAreNumbersToo(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("t").Column("no", "BIGINT", catalog.GeneratedByDefault).Column("x", "INT"))
	insert(t, c, "t", row(nil, 1), row(7, 2), row(nil, 3))
	var keys []int64
	_ = in(c, "t", func(h *Table) error {
		rows, err := h.Scan(ScanOptions{Columns: []string{"x"}})
		if err != nil {
			return err
		}
		for r, err := range rows.All() {
			if err != nil {
				return err
			}
			keys = append(keys, r.Key()[0].AsInt())
		}
		if _, err := h.Get(catalog.Int(keys[1])); err != nil {
			t.Error(err)
		}
		return h.Delete(catalog.Int(keys[0]))
	})
	if len(keys) != 3 || keys[0] != 1 || keys[1] != 2 || keys[2] != 8 {
		t.Error(keys)
	}
	if got := text(t, c, "t", "", ScanOptions{}); got != "7, 2; 8, 3" {
		t.Error(got)
	}
}

// A row that is refused uses no numbers up: nothing would bring them back.
func TestRefusedRowsDoNotMoveNumbersOn(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("t").Column("id", "INT", catalog.GeneratedByDefault).Column("a", "INT").
		PrimaryKey("id").Unique("a").NamedCheck("c", "a > 0"))
	insert(t, c, "t", row(nil, 1), row(nil, 2))
	last := catalog.Int(math.MaxInt64)
	for what, f := range map[string]func(*Table) error{
		"check":  func(h *Table) error { return h.Insert(last, catalog.Int(-1)) },
		"unique": func(h *Table) error { return h.Insert(last, catalog.Int(1)) },
		"update": func(h *Table) error {
			return h.UpdateFields([]catalog.Value{catalog.Int(1)}, map[string]any{"id": int64(math.MaxInt64), "a": 2})
		},
	} {
		err := try(c, func(tables *Tables) error {
			h, err := tables.Table("t")
			if err != nil {
				return err
			}
			return f(h)
		})
		if !errors.Is(err, ErrCheck) && !errors.Is(err, ErrUnique) {
			t.Errorf("%s: %v", what, err)
		}
	}
	insert(t, c, "t", row(nil, 3), row(10, 4), row(nil, 5))
	if got := text(t, c, "t", "", ScanOptions{}); got != "1, 1; 2, 2; 3, 3; 10, 4; 11, 5" {
		t.Error(got)
	}
}
