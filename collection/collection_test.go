package collection_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

func spawn(t *testing.T, fs vfs.FS) *engine.DB {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: fs, MemoryBudget: 16 << 20})
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil && !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
	})
	return db
}

func open[T any](t *testing.T, db *engine.DB, table string) *collection.Collection[T] {
	t.Helper()
	c, err := collection.Open[T](t.Context(), db, table)
	must(t, err)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantSound(t *testing.T, db *engine.DB) {
	t.Helper()
	must(t, db.VerifyTables(t.Context(), func(f engine.Finding) bool {
		t.Error(f)
		return true
	}))
}

type (
	level   int8
	place   struct{ City, Country string }
	uuid    [16]byte
	Tracked struct {
		CreatedAt time.Time
		Note      *string
	}
)

type everything struct {
	Int       int `db:",primarykey"`
	Small     int8
	Unsigned  uint64
	Level     level
	Float     float64
	Narrow    float32
	Yes       bool
	Text      string
	Bounded   string `db:",type=VARCHAR(5)"`
	Price     string `db:",type=DECIMAL(10,2)"`
	Blob      []byte
	At        time.Time
	Day       time.Time `db:",type=DATE"`
	ID        uuid
	Doc       json.RawMessage
	Addr      netip.Addr
	Maybe     *int
	MaybeAddr *netip.Addr
	MaybeTime *time.Time
	Tracked
	place                // of unexported type, with exported fields
	Ignored       func() `db:"-"`
	notExported   int    //nolint:unused // it has no column
	HTTPServerURL string
}

func TestEveryTypeComesBack(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[everything](t, db, "things")
	seven, note, addr, at := 7, "a note", netip.MustParseAddr("::1"), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	full := everything{
		Int: 1, Small: -128, Unsigned: 1 << 62, Level: 3, Float: 1.5, Narrow: 0.25, Yes: true, Text: "text", Bounded: "Zürch",
		Price: "10.50", Blob: []byte{0, 255}, At: at, Day: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), ID: uuid{1, 2},
		Doc: json.RawMessage(`{"a": 1}`), Addr: netip.MustParseAddr("10.0.0.1"), Maybe: &seven, MaybeAddr: &addr, MaybeTime: &at,
		Tracked: Tracked{CreatedAt: at, Note: &note}, place: place{"Basel", "CH"}, HTTPServerURL: "http://x",
	}
	zero := everything{Int: 2, Price: "0.00", ID: uuid{}, At: at, Day: full.Day, Tracked: Tracked{CreatedAt: at}}
	for _, want := range []everything{full, zero} {
		row := want
		must(t, c.Insert(&row))
		if !reflect.DeepEqual(row, want) {
			t.Errorf("inserting made of\n%+v\n%+v", want, row)
		}
		got, err := c.Get(want.Int)
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("stored was\n%+v\nread is\n%+v", want, got)
		}
		row.Text = "another"
		must(t, c.Upsert(&row))
		if got, err := c.Get(want.Int); err != nil || got.Text != "another" || got.Float != want.Float {
			t.Errorf("replaced is %+v, %v", got, err)
		}
	}
	schema, err := db.GetTable("things")
	must(t, err)
	for _, name := range []string{"http_server_url", "city", "created_at", "maybe_addr", "yes"} {
		if _, _, ok := schema.Column(name); !ok {
			t.Errorf("there is no column %s", name)
		}
	}
	if n := len(schema.Columns); n != 24 {
		t.Errorf("there are %d columns", n)
	}
	wantSound(t, db)
}

func TestValuesThatDoNotFitAreRefused(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[everything](t, db, "things")
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, change := range map[string]func(*everything){
		"bounded":    func(e *everything) { e.Bounded = "longer" },
		"price":      func(e *everything) { e.Price = "much" },
		"doc":        func(e *everything) { e.Doc = json.RawMessage("{") },
		"unsigned":   func(e *everything) { e.Unsigned = 1 << 63 },
		"text":       func(e *everything) { e.Text = "\xff" },
		"created_at": func(e *everything) { e.CreatedAt = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		row := everything{Int: 1, Price: "1", At: at, Day: at, Tracked: Tracked{CreatedAt: at}}
		change(&row)
		err := c.Insert(&row)
		if !errors.Is(err, engine.ErrType) || !strings.Contains(err.Error(), "table things, column "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := c.Count(); n != 0 || err != nil {
		t.Errorf("there are %d rows, %v", n, err)
	}
}

// A wide type and a narrow one of the same table: what the one has written the other may have no room for.
func TestValuesThatTheFieldHasNoRoomForAreErrors(t *testing.T) {
	type wide struct {
		ID int  `db:",primarykey"`
		N  *int `db:"n"`
	}
	type narrow struct {
		ID int    `db:",primarykey"`
		N  *uint8 `db:"n"`
	}
	db := spawn(t, vfs.NewMem())
	w, c := open[wide](t, db, "numbers"), open[narrow](t, db, "numbers")
	n := 300
	must(t, w.Insert(&wide{1, &n}))
	_, err := c.Get(1)
	if err == nil || !strings.Contains(err.Error(), "column n, field collection_test.narrow.N: 300 is out of the range of uint8") {
		t.Fatal(err)
	}
	for row, err := range c.All() {
		if err == nil || row.ID != 0 {
			t.Fatalf("%+v, %v", row, err)
		}
	}
	must(t, w.Update(1, func(r *wide) error {
		r.N = nil
		return nil
	}))
	if row, err := c.Get(1); err != nil || row.N != nil {
		t.Fatalf("%+v, %v", row, err)
	}
}

func TestTextThatTheFieldCannotReadIsAnError(t *testing.T) {
	type plain struct {
		ID   int `db:",primarykey"`
		Addr string
	}
	type parsed struct {
		ID   int `db:",primarykey"`
		Addr netip.Addr
	}
	db := spawn(t, vfs.NewMem())
	must(t, open[plain](t, db, "hosts").Insert(&plain{1, "nowhere"}))
	c := open[parsed](t, db, "hosts")
	if _, err := c.Get(1); err == nil || !strings.Contains(err.Error(), "column addr, field collection_test.parsed.Addr: ") {
		t.Fatal(err)
	}
	must(t, c.Upsert(&parsed{1, netip.MustParseAddr("10.0.0.1")}))
	if h, err := c.Get(1); err != nil || h.Addr.String() != "10.0.0.1" {
		t.Fatal(h, err)
	}
}

type member struct {
	Org   string `db:",primarykey"`
	Seat  int    `db:",primarykey"`
	Name  string `db:",index=by_name"`
	Since int    `db:",index=by_name DESC,default=2000"`
}

func TestCompoundKeysAndRanges(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[member](t, db, "Members")
	if c.Name() != "members" {
		t.Fatal(c.Name())
	}
	for i := range 10 {
		must(t, c.Insert(&member{Org: []string{"a", "b"}[i%2], Seat: i, Name: []string{"x", "y", "z"}[i%3], Since: 2000 + i}))
	}
	for what, step := range map[string]struct {
		rows func() ([]int, error)
		want []int
	}{
		"all":       {seats(c.All()), []int{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}},
		"prefix":    {seats(c.Scan(collection.Bounds{Prefix: collection.Key{"b"}, Reverse: true, Limit: 2})), []int{9, 7}},
		"exclusive": {seats(c.Scan(collection.Bounds{Prefix: collection.Key{"a"}, Lower: collection.Key{2}, LowerExclusive: true})), []int{4, 6, 8}},
		"upper":     {seats(c.Scan(collection.Bounds{Upper: collection.Key{"a", 4}})), []int{0, 2, 4}},
		"by":        {seats(c.By("by_name", "y")), []int{7, 4, 1}},
		"by both":   {seats(c.By("by_name", "y", 2004)), []int{4}},
		"by a key":  {seats(c.By("by_name", collection.Key{"y", 2004})), []int{4}},
		"none":      {seats(c.By("by_name", "nobody")), nil},
		"range":     {seats(c.Range("by_name", collection.Bounds{Lower: collection.Key{"y"}, Upper: collection.Key{"z"}, UpperExclusive: true})), []int{7, 4, 1}},
	} {
		got, err := step.rows()
		if err != nil || !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	must(t, c.Update(collection.Key{"a", 4}, func(m *member) error {
		m.Org, m.Since = "c", 0 // another key, and no default
		return nil
	}))
	if m, err := c.Get("c", 4); err != nil || m.Since != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	must(t, c.Delete(collection.Key{"c", 4}))
	for what, err := range map[string]error{
		"gone":     c.Delete("c", 4),
		"not":      c.Update(collection.Key{"a", 4}, func(*member) error { return nil }),
		"short":    c.Delete("c"),
		"long":     c.Delete("c", 4, 5),
		"type":     c.Delete("c", "four"),
		"nil":      c.Insert(nil),
		"no index": last(c.By("by_age", 1)),
		"too many": last(c.By("by_name", "x", 1, 2)),
	} {
		want := map[string]error{
			"gone": engine.ErrRowNotFound, "not": engine.ErrRowNotFound, "type": engine.ErrType, "no index": relation.ErrNoIndex,
		}[what]
		if want == nil {
			want = relation.ErrArguments
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantSound(t, db)
}

func TestDecimalKeysAreNotRounded(t *testing.T) {
	type item struct {
		ID    int    `db:"id,primarykey"`
		Price string `db:"price,type=DECIMAL(10,2),index=by_price"`
	}
	c := open[item](t, spawn(t, vfs.NewMem()), "items")
	must(t, c.Insert(&item{1, "1.004"})) // 1.00
	for _, price := range []any{"1", "1.00", 1, 1.0, "1.000"} {
		if n, err := rowCount(c.By("by_price", price)); n != 1 || err != nil {
			t.Errorf("%v: %d rows, %v", price, n, err)
		}
	}
	for _, price := range []any{"1.004", 1.004, "0.999"} {
		if n, err := rowCount(c.By("by_price", price)); n != 0 || !errors.Is(err, engine.ErrType) {
			t.Errorf("%v: %d rows, %v", price, n, err)
		}
	}
}

func rowCount[T any](rows func(func(T, error) bool)) (n int, err error) {
	for _, err := range rows {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func seats(rows func(func(member, error) bool)) func() ([]int, error) {
	return func() (out []int, err error) {
		for m, err := range rows {
			if err != nil {
				return out, err
			}
			out = append(out, m.Seat)
		}
		return out, nil
	}
}

func last[T any](rows func(func(T, error) bool)) (err error) {
	for _, err = range rows {
	}
	return err
}

func TestDefaultsAndNumbersAreFilledIn(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[User](t, db, "users")
	u := User{Email: "a"}
	must(t, c.Upsert(&u))
	if u.ID != 1 || u.Age != 18 {
		t.Fatalf("%+v", u)
	}
	u.Age = 0
	must(t, c.Upsert(&u)) // as it is
	if got, err := c.Get(1); err != nil || got.Age != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	high := User{ID: 50, Email: "b", Age: -1}
	if err := c.Upsert(&high); !errors.Is(err, engine.ErrCheck) {
		t.Fatal(err)
	}
	high.Age = 1
	must(t, c.Upsert(&high))
	next := User{Email: "c"}
	must(t, c.Insert(&next))
	if next.ID <= 50 {
		t.Fatalf("number %d after 50", next.ID)
	}
	taken := User{Email: "b"}
	if err := c.Insert(&taken); !errors.Is(err, engine.ErrUnique) || taken.ID != 0 {
		t.Fatalf("%+v, %v", taken, err)
	}
	want := "table users, (email) = (b): "
	if err := c.Insert(&taken); !strings.HasPrefix(err.Error(), "insert: "+want) {
		t.Fatal(err)
	}
}

func TestTransactions(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[User](t, db, "users")
	failure := errors.New("no")
	err := db.Update(t.Context(), func(txn *engine.Txn) error {
		in := c.In(txn)
		must(t, in.Insert(&User{Email: "a"}))
		if err := in.Insert(&User{Email: "a"}); !errors.Is(err, engine.ErrUnique) {
			t.Errorf("twice: %v", err)
		}
		must(t, in.Insert(&User{Email: "b"})) // the transaction goes on
		if n, err := in.Count(); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := c.Count(); n != 0 || err != nil {
			t.Errorf("others see %d, %v", n, err)
		}
		for u, err := range in.All() {
			must(t, err)
			must(t, in.Update(u.ID, func(u *User) error {
				u.Age++
				return nil
			}))
			must(t, in.Insert(&User{Email: u.Email + "!"}))
		}
		if n, _ := in.Count(); n != 4 {
			t.Errorf("the loop has seen what it wrote: %d", n)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Fatal(err)
	}
	if n, err := c.Count(); n != 0 || err != nil {
		t.Fatalf("%d rows stay, %v", n, err)
	}
	u := User{Email: "a"}
	must(t, c.Insert(&u))
	if err := c.Update(u.ID, func(*User) error { return failure }); !errors.Is(err, failure) {
		t.Fatal(err)
	}
}

func TestIncrementsAreNotLost(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[User](t, db, "users")
	must(t, c.Insert(&User{ID: 1, Email: "a", Age: 1}))
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for i := range 5 {
				if err := c.Update(1, func(u *User) error {
					u.Age++
					return nil
				}); err != nil {
					t.Error(err)
				}
				if err := c.Insert(&User{Email: fmt.Sprint(w, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	u, err := c.Get(1)
	must(t, err)
	if n, _ := c.Count(); u.Age != 21 || n != 21 {
		t.Fatalf("%d increments, %d rows", u.Age-1, n)
	}
	wantSound(t, db)
}

func TestLoopsMayEndEarly(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[User](t, db, "users")
	for i := range 3 {
		must(t, c.Insert(&User{Email: fmt.Sprint(i)}))
	}
	for range c.All() {
		break
	}
	func() {
		defer func() { _ = recover() }()
		for range c.Range("by_age", collection.Bounds{}) {
			panic("in the loop")
		}
	}()
	if s := db.Stats(); s.Views != 0 {
		t.Fatalf("%d views stay open", s.Views)
	}
	must(t, db.Close())
	if err := last(c.All()); !errors.Is(err, engine.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := collection.Open[User](context.Background(), db, "users"); !errors.Is(err, engine.ErrClosed) {
		t.Fatal(err)
	}
}
