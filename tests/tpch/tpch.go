// Package tpch loads the tables of TPC-H and compares answers to its 22 queries. Its test runs them on the data of scale
// factor 0.01 beside the repository; bench/tpch measures them on more.
//
// The queries and the data are derived from TPC-H; results are not comparable with published TPC-H results.
package tpch

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
)

// Tables are the names of the tables, parents first.
var Tables = []string{"region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem"}

// Queries is how many queries there are, from 1.
const Queries = 22

// batchRows is how many rows one transaction of Load inserts.
const batchRows = 5000

// Load inserts rows into a table: a row a line, with | between the fields, as dbgen writes them. Errors name the line.
func Load(ctx context.Context, db *engine.DB, table string, from io.Reader) (rows int, err error) {
	schema, err := db.GetTable(table)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(from)
	for more := true; more; {
		var batch [][]catalog.Value
		for len(batch) < batchRows {
			if more = lines.Scan(); !more {
				break
			}
			row, err := Parse(schema, lines.Text())
			if err != nil {
				return rows, fmt.Errorf("%s, line %d: %w", table, rows+len(batch)+1, err)
			}
			batch = append(batch, row)
		}
		if err := insert(ctx, db, table, batch); err != nil {
			return rows, fmt.Errorf("%s, lines %d to %d: %w", table, rows+1, rows+len(batch), err)
		}
		rows += len(batch)
	}
	return rows, lines.Err()
}

// Parse reads a row of a table.
func Parse(schema *catalog.Table, line string) ([]catalog.Value, error) {
	fields := strings.Split(strings.TrimSuffix(line, "|"), "|")
	if len(fields) != len(schema.Columns) {
		return nil, fmt.Errorf("it has %d fields, the table %d columns", len(fields), len(schema.Columns))
	}
	row := make([]catalog.Value, len(fields))
	for i, f := range fields {
		v, err := catalog.Parse(schema.Columns[i].Type, f)
		if err != nil {
			return nil, catalog.At(err, schema.Name, schema.Columns[i].Name)
		}
		row[i] = v
	}
	return row, nil
}

func insert(ctx context.Context, db *engine.DB, table string, rows [][]catalog.Value) error {
	return db.Update(ctx, func(txn *engine.Txn) error {
		t, err := txn.Table(table)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := t.Insert(r...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Compare returns what is wrong with an answer, whose values are printed, or nothing. The answer that is wanted has a row a
// line, with | between the values and nothing for NULL. Numbers may differ by a millionth.
func Compare(got [][]string, want string) string {
	lines := strings.Split(strings.TrimSuffix(want, "\n"), "\n")
	if want == "" {
		lines = nil
	}
	if len(got) != len(lines) {
		return fmt.Sprintf("there are %d rows, not %d", len(got), len(lines))
	}
	for i, line := range lines {
		fields := strings.Split(line, "|")
		if len(fields) != len(got[i]) {
			return fmt.Sprintf("row %d has %d values, not %d", i+1, len(got[i]), len(fields))
		}
		for j, f := range fields {
			if !same(got[i][j], f) {
				return fmt.Sprintf("row %d, value %d is %q, not %q", i+1, j+1, got[i][j], f)
			}
		}
	}
	return ""
}

// tolerance is how much numbers may differ, relatively.
const tolerance = 1e-6

func same(got, want string) bool {
	if got == want {
		return true
	}
	x, err := strconv.ParseFloat(got, 64)
	if err != nil {
		return false
	}
	y, err := strconv.ParseFloat(want, 64)
	return err == nil && math.Abs(x-y) <= tolerance*math.Max(math.Abs(x), math.Abs(y))
}
