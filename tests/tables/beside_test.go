package tables

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

const (
	besideRows    = 3000
	besideWriters = 3
)

// sound expects that verification finds nothing.
func sound(db *engine.DB) error {
	var findings []error
	err := db.VerifyTables(context.Background(), func(f engine.Finding) bool {
		findings = append(findings, errors.New(f.String()))
		return len(findings) < 5
	})
	return errors.Join(append(findings, err)...)
}

// changeOne inserts, changes or deletes a row.
func changeOne(table *engine.Table, rng *rand.Rand) error {
	id := catalog.Int(rng.Int64N(besideRows))
	word := fmt.Sprintf("%c%s", 'a'+rune(rng.IntN(26)), strings.Repeat("x", rng.IntN(60)))
	var err error
	switch rng.IntN(5) {
	case 0:
		err = table.Delete(id)
	case 1:
		err = table.Insert(id, catalog.Str(word), catalog.Int(rng.Int64N(50)))
	case 2:
		err = table.UpdateFields([]catalog.Value{id}, map[string]any{"n": rng.IntN(50)})
	default:
		err = table.Upsert(id, catalog.Str(word), catalog.Null())
	}
	for _, expected := range []error{engine.ErrRowNotFound, engine.ErrUnique, engine.ErrConflict} {
		if errors.Is(err, expected) {
			return nil
		}
	}
	return err
}

// Indexes come and go while others write rows. Every View, and what a power failure leaves at any moment, is sound.
func TestIndexesComeAndGoBesideWriters(t *testing.T) {
	seed := environment.Seed(t)
	defer func() {
		if t.Failed() {
			t.Logf("MIDDB_SEED=%d", seed)
		}
	}()
	disk := vfs.NewMem()
	db, err := engine.Spawn(growingConfig(disk))
	check(t, err)
	d, err := catalog.NewTable("words").Column("id", "BIGINT").Column("word", "TEXT").Column("n", "INT").
		PrimaryKey("id").Index("by_word", "word", "n DESC").Build()
	check(t, err)
	check(t, db.RegisterTable(context.Background(), d))
	table := db.Table("words")
	var done atomic.Bool
	var work sync.WaitGroup
	for i := range uint64(besideWriters) {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(seed, i))
			for !done.Load() {
				if err := changeOne(table, rng); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(seed, 100))
	rounds := 12
	switch {
	case environment.Nightly():
		rounds = 300
	case testing.Short():
		rounds = 4
	}
	for round := range rounds {
		d := engine.IndexDefinition{
			Name: fmt.Sprint("index_", round), Columns: [][]string{{"n"}, {"word DESC"}, {"n DESC", "id"}}[rng.IntN(3)],
			Using: catalog.Method(rng.IntN(2)),
		}
		d.Unique = len(d.Columns) == 2
		if err := db.CreateIndex(context.Background(), "words", d, nil); err != nil {
			t.Errorf("round %d, %+v: %v", round, d, err)
			break
		}
		if err := sound(db); err != nil {
			t.Errorf("round %d: %v", round, err)
			break
		}
		if rng.IntN(3) == 0 {
			check(t, db.Flush(context.Background()))
		}
		if rng.IntN(3) > 0 {
			if err := db.DropIndex(context.Background(), "words", d.Name); err != nil && !errors.Is(err, engine.ErrConflict) {
				t.Errorf("round %d: %v", round, err)
				break
			}
		}
		crashed := disk.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Random})
		other, err := engine.Spawn(growingConfig(crashed))
		check(t, err)
		if err := errors.Join(sound(other), other.Close(), verifyOn(crashed, "db")); err != nil {
			t.Errorf("round %d, after a crash: %v", round, err)
			break
		}
	}
	done.Store(true)
	work.Wait()
	if err := errors.Join(sound(db), db.Close(), verifyOn(disk, "db")); err != nil {
		t.Error(err)
	}
}
