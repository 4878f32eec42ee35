package tables

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
)

// A source is a file that becomes a table: the rows in order, whose first values are their primary keys.
type source struct {
	name string
	rows [][]catalog.Value
}

// flights are the OpenFlights files.
type flights struct{ airports, airlines, routes source }

func (f *flights) all() []*source { return []*source{&f.airports, &f.airlines, &f.routes} }

// Places of columns.
const (
	airportIATA, airportICAO                     = 4, 5
	airlineIATA, airlineICAO                     = 3, 4
	routeAirline, routeSource, routeDestination  = 1, 3, 5
	routeAirlineID, routeSourceID, routeTargetID = 2, 4, 6
)

func definitions() []*catalog.Builder {
	return []*catalog.Builder{
		catalog.NewTable("airports").
			Column("id", "BIGINT").Column("name", "TEXT", catalog.NotNull).Column("city", "TEXT").Column("country", "TEXT").
			Column("iata", "VARCHAR(3)").Column("icao", "VARCHAR(4)").
			Column("latitude", "DOUBLE PRECISION").Column("longitude", "DOUBLE PRECISION").Column("altitude", "INT").
			PrimaryKey("id").Index("airports_iata", "iata").UniqueIndex("airports_icao", "icao").
			Check("latitude BETWEEN -90 AND 90"),
		catalog.NewTable("airlines").
			Column("id", "BIGINT").Column("name", "TEXT", catalog.NotNull).Column("active", "BOOLEAN").
			Column("iata", "TEXT").Column("icao", "TEXT").Column("country", "TEXT").
			PrimaryKey("id").Index("airlines_iata", "iata").Index("airlines_icao", "icao DESC NULLS LAST"),
		catalog.NewTable("routes").
			Column("id", "BIGINT").Column("airline", "TEXT").Column("airline_id", "BIGINT").
			Column("source", "TEXT").Column("source_id", "BIGINT").Column("destination", "TEXT").Column("destination_id", "BIGINT").
			Column("stops", "INT").Column("equipment", "TEXT").
			PrimaryKey("id").Index("routes_source", "source").
			ForeignKey([]string{"source_id"}, "airports", nil),
	}
}

// lateIndexes are made when everything is loaded.
var lateIndexes = []struct {
	table string
	engine.IndexDefinition
}{
	{"routes", engine.IndexDefinition{Name: "routes_destination", Columns: []string{"destination", "airline"}}},
	{"routes", engine.IndexDefinition{Name: "routes_airline", Columns: []string{"airline", "source DESC"}}},
	{"routes", engine.IndexDefinition{Name: "routes_airline_twin", Columns: []string{"airline", "source DESC"}, Using: catalog.LSM}},
}

// readFlights reads the files.
func readFlights(dir string) (*flights, error) {
	airports, err := readFile(dir, "airports.dat")
	if err != nil {
		return nil, err
	}
	airlines, err := readFile(dir, "airlines.dat")
	if err != nil {
		return nil, err
	}
	routes, err := readFile(dir, "routes.dat")
	if err != nil {
		return nil, err
	}
	f := &flights{source{name: "airports"}, source{name: "airlines"}, source{name: "routes"}}
	known := map[string]bool{}
	for _, r := range airports {
		known[r[0]] = true
		f.airports.rows = append(f.airports.rows, []catalog.Value{
			number(r[0]), text(r[1]), text(r[2]), text(r[3]), text(r[4]), text(r[5]), float(r[6]), float(r[7]), number(r[8]),
		})
	}
	for _, r := range airlines {
		f.airlines.rows = append(f.airlines.rows, []catalog.Value{
			number(r[0]), text(r[1]), catalog.BoolOf(r[7] == "Y"), text(r[3]), text(r[4]), text(r[6]),
		})
	}
	for i, r := range routes {
		from := number(r[3])
		if !known[r[3]] {
			from = catalog.Null() // some airports are not in their file
		}
		f.routes.rows = append(f.routes.rows, []catalog.Value{
			catalog.Int(int64(i)), text(r[0]), number(r[1]), text(r[2]), from, text(r[4]), number(r[5]), number(r[7]), text(r[8]),
		})
	}
	return f, nil
}

func readFile(dir, name string) ([][]string, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.LazyQuotes = true // the files have \" in quotes
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return records, nil
}

// missing is how the files say that there is nothing.
func missing(s string) bool { return s == `\N` || s == "" }

func text(s string) catalog.Value {
	if missing(s) {
		return catalog.Null()
	}
	return catalog.Str(s)
}

func number(s string) catalog.Value {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return catalog.Null()
	}
	return catalog.Int(n)
}

func float(s string) catalog.Value {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return catalog.Null()
	}
	return catalog.Float(x)
}

func open(dir string) (*engine.DB, error) {
	return engine.Spawn(engine.Config{Dir: dir, MemoryBudget: 8 << 20, MemtableBytes: 512 << 10})
}

// load does what is left to do, and tells what is durable, as lines of words.
func load(dir, data string, tell func(words ...any)) (err error) {
	f, err := readFlights(data)
	if err != nil {
		return err
	}
	db, err := open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	schemas, err := db.ListTables()
	if err != nil {
		return err
	}
	for _, b := range definitions()[len(schemas):] {
		d, err := b.Build()
		if err != nil {
			return err
		}
		if err := db.RegisterTable(ctx, d); err != nil {
			return err
		}
	}
	for _, s := range f.all() {
		if err := s.load(db, tell); err != nil {
			return fmt.Errorf("load %s: %w", s.name, err)
		}
	}
	for _, d := range lateIndexes {
		schema, err := db.GetTable(d.table)
		if err != nil {
			return err
		}
		if _, found := schema.Index(d.Name); found {
			continue
		}
		err = db.CreateIndex(ctx, d.table, d.IndexDefinition, func(uint64, uint64) { tell("building", d.Name, 0) })
		if err != nil {
			return err
		}
		tell("index", d.Name, 1)
	}
	if err := db.Close(); err != nil {
		return err
	}
	tell("done", "all", 0)
	return nil
}

// batchRows is how many rows a transaction loads.
const batchRows = 300

func (s *source) load(db *engine.DB, tell func(words ...any)) error {
	n, err := db.Table(s.name).Count()
	if err != nil {
		return err
	}
	for at := int(n); at < len(s.rows); at += batchRows {
		batch := s.rows[at:min(at+batchRows, len(s.rows))]
		err := db.UpdateWith(context.Background(), engine.TxnOptions{Durability: engine.Sync}, func(txn *engine.Txn) error {
			table, err := txn.Table(s.name)
			if err != nil {
				return err
			}
			for _, row := range batch {
				if err := table.Insert(row...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		tell("loaded", s.name, at+len(batch))
	}
	return nil
}
