// Database_demo keeps airports, airlines and routes in tables: it fills them, has constraints refuse what is wrong, finds rows
// by indexes, joins tables by hand, changes a schema and opens the database again.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
)

func main() {
	dir, err := os.MkdirTemp("", "database_demo")
	if err == nil {
		err = errors.Join(run(context.Background(), filepath.Join(dir, "db")), os.RemoveAll(dir))
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	db, err := engine.Spawn(engine.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	w, err := openWorld(ctx, db)
	if err != nil {
		return err
	}
	if err := errors.Join(w.load(ctx, db), w.refuse(), w.find(ctx, db), changeSchema(ctx, db), db.Close()); err != nil {
		return err
	}
	return reopen(ctx, dir)
}

// refuse tries what constraints forbid. Nothing of it stays.
func (w world) refuse() error {
	zrh, long := "ZRH", "ZURICH"
	for _, err := range []error{
		w.airports.Insert(&Airport{ID: 1678, Name: "again"}),
		w.airports.Insert(&Airport{ID: 1, Name: "Zürich, again", IATA: &zrh}),
		w.airports.Insert(&Airport{ID: 2, Name: "Zürich, at length", IATA: &long}),
		w.airports.Delete(1678),
		w.routes.Insert(&Route{Source: 1678, Destination: 4711, Airline: 4559}),
	} {
		var refused *engine.ConstraintError
		if !errors.As(err, &refused) {
			return fmt.Errorf("this was to be refused: %w", err)
		}
		fmt.Printf("refused by %s: %v\n", refused.Constraint, refused.Kind)
	}
	return nil
}

// find finds rows by indexes.
func (w world) find(ctx context.Context, db *engine.DB) error {
	for a, err := range w.airports.By("by_country", "Switzerland") {
		if err != nil {
			return err
		}
		fmt.Println("in Switzerland:", a.Name)
	}
	for a, err := range w.airports.Range("by_altitude", collection.Bounds{Lower: collection.Key{1000}, Limit: 3}) {
		if err != nil {
			return err
		}
		fmt.Printf("below 1,000 feet: %s, %d\n", a.City, a.Altitude)
	}
	return db.View(ctx, w.toSydney)
}

// toSydney joins three tables by hand. In one transaction, so that all is of one moment.
func (w world) toSydney(txn *engine.Txn) error {
	airports, airlines := w.airports.In(txn), w.airlines.In(txn)
	for sydney, err := range airports.By("airports_iata_key", "SYD") {
		if err != nil {
			return err
		}
		for r, err := range w.routes.In(txn).By("by_destination", sydney.ID) {
			if err != nil {
				return err
			}
			from, err := airports.Get(r.Source)
			if err != nil {
				return err
			}
			by, err := airlines.Get(r.Airline)
			if err != nil {
				return err
			}
			fmt.Printf("to Sydney from %s by %s\n", from.City, by.Name)
		}
	}
	return nil
}

// changeSchema adds a column. No row is written anew: those that are there have the default.
func changeSchema(ctx context.Context, db *engine.DB) error {
	err := db.AlterTable(ctx, "airports", func(t *catalog.Table) (*catalog.Table, error) {
		return t.AddColumn(catalog.Column{Name: "runways", Type: catalog.Type{Kind: catalog.Int64}, NotNull: true, Default: "1"})
	})
	if err != nil {
		return err
	}
	zurich := []catalog.Value{catalog.Int(1678)}
	return db.Table("airports").UpdateFields(zurich, map[string]any{"runways": 3})
}

// reopen shows that all is there.
func reopen(ctx context.Context, dir string) error {
	db, err := engine.Spawn(engine.Config{Dir: dir, MustExist: true})
	if err != nil {
		return err
	}
	defer db.Close()
	tables, err := db.ListTables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		n, err := db.Table(t.Name).Count()
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d rows, version %d of the schema\n", t.Name, n, t.Version)
	}
	for _, id := range []int64{1665, 1678} {
		row, err := db.Table("airports").Get(catalog.Int(id))
		if err != nil {
			return err
		}
		fmt.Printf("%v: %v runways\n", row.Value("name"), row.Value("runways"))
	}
	return db.VerifyTables(ctx, func(f engine.Finding) bool {
		fmt.Println("damaged:", f)
		return true
	})
}
