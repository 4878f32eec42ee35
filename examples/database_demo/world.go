package main

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"

	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
)

// An Airport is a row of the table airports.
type Airport struct {
	ID       int     `db:"id,primarykey"`
	Name     string  `db:"name"`
	City     string  `db:"city"`
	Country  string  `db:"country,index=by_country"`
	IATA     *string `db:"iata,unique,check=length(iata) = 3"`
	Altitude int     `db:"altitude,index=by_altitude DESC,check=altitude between -2000 and 30000"`
}

// An Airline is a row of the table airlines.
type Airline struct {
	ID   int    `db:"id,primarykey"`
	Name string `db:"name,unique"`
}

// A Route is a row of the table routes, for airports and an airline that are there.
type Route struct {
	Source      int    `db:"source,primarykey,references=airports"`
	Destination int    `db:"destination,primarykey,references=airports,index=by_destination"`
	Airline     int    `db:"airline,primarykey,references=airlines,ondelete=cascade"`
	Planes      string `db:"planes"`
}

// A world is the three tables.
type world struct {
	airports *collection.Collection[Airport]
	airlines *collection.Collection[Airline]
	routes   *collection.Collection[Route]
}

// openWorld makes the tables, or finds them as they were.
func openWorld(ctx context.Context, db *engine.DB) (w world, err error) {
	if w.airports, err = collection.Open[Airport](ctx, db, "airports"); err != nil {
		return w, err
	}
	if w.airlines, err = collection.Open[Airline](ctx, db, "airlines"); err != nil {
		return w, err
	}
	w.routes, err = collection.Open[Route](ctx, db, "routes")
	return w, err
}

//go:embed sample
var sample embed.FS

// load fills the tables from files, in one transaction.
func (w world) load(ctx context.Context, db *engine.DB) error {
	return db.Update(ctx, func(txn *engine.Txn) error {
		return errors.Join(
			each("airports.dat", func(f []string) error {
				a := Airport{ID: number(f[0]), Name: f[1], City: f[2], Country: f[3], Altitude: number(f[8])}
				if f[4] != `\N` {
					a.IATA = &f[4]
				}
				return w.airports.In(txn).Insert(&a)
			}),
			each("airlines.dat", func(f []string) error {
				return w.airlines.In(txn).Insert(&Airline{number(f[0]), f[1]})
			}),
			each("routes.dat", func(f []string) error {
				err := w.routes.In(txn).Insert(&Route{number(f[3]), number(f[5]), number(f[1]), f[8]})
				if errors.Is(err, engine.ErrForeignKey) { // and the transaction goes on
					fmt.Printf("no route from %s to %s: an airport is not there\n", f[2], f[4])
					return nil
				}
				return err
			}))
	})
}

// each calls insert with the fields of each line of a file.
func each(name string, insert func(fields []string) error) error {
	file, err := sample.Open("sample/" + name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return err
	}
	for i, fields := range lines {
		if err := insert(fields); err != nil {
			return fmt.Errorf("%s, line %d: %w", name, i+1, err)
		}
	}
	return nil
}

// number returns a number of the sample, in which all are.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
