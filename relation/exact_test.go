package relation

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/catalog"
)

// A key that would have to be rounded finds no other row, and no bound moves.
func TestKeysAreNotRounded(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("t").Column("id", "INT").Column("price", "DECIMAL(5,2)").Column("day", "DATE").
		Column("yes", "BOOL").Column("f", "FLOAT").PrimaryKey("id").
		Index("by_price", "price").Index("by_day", "day").Index("by_yes", "yes").Index("by_f", "f"))
	insert(t, c, "t", []catalog.Value{
		catalog.Int(2), catalog.DecimalOf(100, 2), catalog.DateOf(1), catalog.BoolOf(true), catalog.Float(1 << 53),
	})
	noon := time.Date(1970, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, w := range []struct {
		index string
		v     catalog.Value
		found bool
	}{
		{"", catalog.Float(1.5), false},
		{"", catalog.Float(2), true},
		{"", catalog.DecimalOf(20, 1), true},
		{"", catalog.DecimalOf(19, 1), false},
		{"", catalog.Str("2"), true},
		{"by_price", catalog.DecimalOf(1004, 3), false},
		{"by_price", catalog.DecimalOf(1000, 3), true},
		{"by_price", catalog.Float(0.999), false},
		{"by_price", catalog.Int(1), true},
		{"by_day", catalog.TimestampOf(noon), false},
		{"by_day", catalog.TimestampOf(noon.Truncate(24 * time.Hour)), true},
		{"by_yes", catalog.Int(1), true},
		{"by_yes", catalog.Int(5), false},
		{"by_f", catalog.Int(1<<53 + 1), false},
		{"by_f", catalog.Int(1 << 53), true},
		{"by_f", catalog.Null(), true},
	} {
		given := []catalog.Value{w.v}
		for _, o := range []ScanOptions{{Prefix: given}, {Lower: given}, {Upper: given, UpperExclusive: true}} {
			err := in(c, "t", func(h *Table) error {
				scan := func(o ScanOptions) (*Rows, error) { return h.ScanIndex(w.index, o) }
				if w.index == "" {
					scan = h.Scan
				}
				rows, err := scan(o)
				if err != nil {
					return err
				}
				return rows.Close()
			})
			if w.found && err != nil || !w.found && (!errors.Is(err, ErrType) || !strings.Contains(err.Error(), "not rounded")) {
				t.Errorf("%s %v: %v", w.index, w.v, err)
			}
		}
	}
	err := in(c, "t", func(h *Table) error { return h.Delete(catalog.Float(2.4)) })
	if !errors.Is(err, ErrType) {
		t.Error(err)
	}
	// What is stored is rounded, as SQL does.
	create(t, c, catalog.NewTable("n").Column("id", "INT").PrimaryKey("id"))
	update(t, c, func(tables *Tables) error {
		h, err := tables.Table("n")
		if err != nil {
			return err
		}
		return errors.Join(h.Upsert(catalog.Float(1.5)), h.Upsert(catalog.Float(math.Pi)))
	})
	if got := text(t, c, "n", "", ScanOptions{}); got != "2; 3" {
		t.Error(got)
	}
}
