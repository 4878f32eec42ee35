package session

import (
	"bytes"
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/statistics"
	"github.com/middb/middb/relation"
)

// Tables of so many rows are looked at when a query is planned, if nobody has analyzed them since a fifth of the rows has
// come or gone: that takes a few milliseconds. Smaller ones need no statistics, larger ones are for ANALYZE.
const (
	leastAutomatic = 200
	mostAutomatic  = 20_000
	changedPart    = 0.2
)

// known is what sessions know of the rows of a table.
type knownStatistics struct {
	encoded    []byte // as stored; nil: they were found out when a query was planned
	table      *catalog.Table
	statistics *plan.Statistics
}

// statisticsOf returns what is known about the rows of a table, nil if that is nothing.
func (l *lookup) statisticsOf(t *catalog.Table, rows float64) (*plan.Statistics, error) {
	encoded, err := l.tables.Statistics(t.ID)
	if err != nil {
		return nil, err
	}
	shared := l.s.shared
	shared.mu.Lock()
	k := shared.known[t.ID]
	shared.mu.Unlock()
	if k != nil && k.encoded == nil && k.table != t {
		k = nil // it may have other columns
	}
	if encoded != nil && (k == nil || !bytes.Equal(k.encoded, encoded) && fresh(k.statistics, rows) == nil) {
		s, e := statistics.Decode(encoded)
		if e != nil {
			return nil, e
		}
		k = &knownStatistics{encoded: encoded, table: t, statistics: s}
		shared.keep(t.ID, k)
	}
	if k != nil && fresh(k.statistics, rows) != nil {
		return k.statistics, nil
	}
	if rows < leastAutomatic || rows > mostAutomatic {
		if k == nil {
			return nil, nil
		}
		return k.statistics, nil
	}
	s, err := analyze(context.Background(), l.tables, t, nil)
	if err != nil {
		return nil, err
	}
	shared.keep(t.ID, &knownStatistics{table: t, statistics: s})
	return s, nil
}

// fresh returns statistics if the table has about as many rows as then, or else nil.
func fresh(s *plan.Statistics, rows float64) *plan.Statistics {
	if diff := rows - s.Rows; diff > changedPart*s.Rows || -diff > changedPart*s.Rows {
		return nil
	}
	return s
}

func (c *Shared) keep(id uint32, k *knownStatistics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[uint32]*knownStatistics)
	}
	c.known[id] = k
}

// analyze finds out about the rows of a table: about columns at some places, or all if there are none.
func analyze(ctx context.Context, tables *relation.Tables, t *catalog.Table, places []int) (*plan.Statistics, error) {
	if places == nil {
		for i := range t.Columns {
			places = append(places, i)
		}
	}
	cursor, err := tables.Storage().Scan(ctx, &exec.ScanRequest{Table: t, Columns: places})
	if err != nil {
		return nil, err
	}
	b := statistics.NewBuilder(t, places, uint64(t.ID))
	batch := &catalog.Batch{}
	for range places {
		batch.Columns = append(batch.Columns, &catalog.Vector{})
	}
	for {
		more, err := cursor.Next(batch, exec.DefaultBatchRows)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = cursor.Close() // there is an error already
			return nil, err
		}
		if !more {
			break
		}
		b.Add(batch)
	}
	return b.Statistics(), cursor.Close()
}

// analyzeStatement runs ANALYZE: tables are read in one transaction, and what was found is stored in it.
func (s *Session) analyzeStatement(ctx context.Context, st *statement, tree *ast.Analyze) (*Rows, error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	err := s.changeSchema(ctx, st.text, "ANALYZE", func(x *changing) error {
		if len(tree.Tables) == 0 {
			list, err := x.tables.List()
			for _, t := range list {
				if err == nil {
					err = x.analyze(t, nil)
				}
			}
			return err
		}
		for _, one := range tree.Tables {
			t, err := x.table(one.Relation, false)
			if err != nil {
				return err
			}
			for _, n := range one.Columns {
				if err := x.hasColumn(t.Name, n); err != nil {
					return err
				}
			}
			if err := x.analyze(t, one.Columns); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.shared.statistics.Add(1)
	return s.finished(Result{Tag: "ANALYZE"}), nil
}

// analyze finds out about a table. What is known of other columns than those that are listed stays.
func (x *changing) analyze(t *catalog.Table, columns []ast.Name) error {
	var places []int
	for _, n := range columns {
		_, at, _ := t.Column(n.Name)
		places = append(places, at)
	}
	found, err := analyze(x.ctx, x.tables, t, places)
	if err != nil {
		return err
	}
	if len(columns) > 0 {
		if err = x.keepOthers(t, found); err != nil {
			return err
		}
	}
	h, err := x.tables.Table(t.Name)
	if err != nil {
		return err
	}
	if _, err := h.Count(); err != nil { // what the estimate says may have been lost by a crash
		return err
	}
	if err := x.tables.PutStatistics(t.Name, statistics.Encode(found)); err != nil {
		return err
	}
	return nil
}

// keepOthers adds what is known of other columns to statistics.
func (x *changing) keepOthers(t *catalog.Table, found *plan.Statistics) error {
	encoded, err := x.tables.Statistics(t.ID)
	if err != nil || encoded == nil {
		return err
	}
	old, err := statistics.Decode(encoded)
	if err != nil {
		return sqlstate.New(sqlstate.DataCorrupted, -1, "%v", err).WithHint("run ANALYZE %s", sqlName(t.Name))
	}
	for _, c := range old.Columns {
		known := false
		for _, f := range found.Columns {
			known = known || f.ID == c.ID
		}
		if _, _, there := t.ColumnByID(c.ID); there && !known {
			found.Columns = append(found.Columns, c)
		}
	}
	return nil
}
