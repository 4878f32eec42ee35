package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// A workload is something that is measured.
type workload struct {
	name   string
	per    int     // operations in one measurement
	goal   float64 // least ratio to SQLite in C
	writes bool
	run    func(ctx context.Context, s *store) error
	after  func(ctx context.Context, s *store) error // undoes it; nil: nothing
}

// once measures.
func (w *workload) once(ctx context.Context, s *store) (took time.Duration, err error) {
	began := time.Now()
	err = w.run(ctx, s)
	if took = time.Since(began); err == nil && w.after != nil {
		err = w.after(ctx, s)
	}
	return took, err
}

func workloads(rows int) []workload {
	points := min(rows, 100_000)
	return []workload{
		{"select by key", points, 1.8, false, selects(points), nil},
		{"update by key, one transaction", points, 1.0, true, updates(points), nil},
		{"insert, one transaction", points, 1.3, true, inserts(points), empty},
		{"filter and sum", 1, 1.3, false, query("SELECT sum(num) FROM big WHERE val < 500"), nil},
		{"group by, 1,000 groups", 1, 10, false, query("SELECT grp, count(*), sum(num) FROM big GROUP BY grp"), nil},
		{"join and group", 1, 10, false, query("SELECT small.kind, count(*), sum(big.num) FROM big JOIN small ON big.small = small.id GROUP BY small.kind"), nil},
		{"order by", 1, 4, false, query("SELECT id, num, name FROM big ORDER BY num, id"), nil},
		{"order by limit 10", 1, 1.0, false, query("SELECT id, num, name FROM big ORDER BY num, id LIMIT 10"), nil},
	}
}

// selects reads rows by random keys.
func selects(n int) func(context.Context, *store) error {
	return func(ctx context.Context, s *store) error {
		st, err := s.db.PrepareContext(ctx, "SELECT num, name FROM big WHERE id = ?")
		if err != nil {
			return err
		}
		defer st.Close()
		r := rand.New(rand.NewPCG(3, 4))
		for range n {
			var num int64
			var name string
			if err := st.QueryRowContext(ctx, r.IntN(s.rows)).Scan(&num, &name); err != nil {
				return err
			}
		}
		return nil
	}
}

// updates changes rows by random keys.
func updates(n int) func(context.Context, *store) error {
	return func(ctx context.Context, s *store) error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		st, err := tx.PrepareContext(ctx, "UPDATE big SET num = ? WHERE id = ?")
		if err != nil {
			return err
		}
		r := rand.New(rand.NewPCG(5, 6))
		for range n {
			if _, err := st.ExecContext(ctx, r.IntN(1_000_000), r.IntN(s.rows)); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
}

// inserts inserts rows into an empty table.
func inserts(n int) func(context.Context, *store) error {
	return func(ctx context.Context, s *store) error {
		return s.insert(ctx, "INSERT INTO fresh VALUES (?, ?, ?)", n, func(i int) []any {
			return []any{i, i * 7, "a name that is not short"}
		})
	}
}

func empty(ctx context.Context, s *store) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM fresh")
	return err
}

// query reads all rows of a query.
func query(text string) func(context.Context, *store) error {
	return func(ctx context.Context, s *store) error {
		rows, err := s.db.QueryContext(ctx, text)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		n := 0
		for ; rows.Next(); n++ {
			if err := rows.Scan(places...); err != nil {
				return err
			}
		}
		if n == 0 {
			return fmt.Errorf("%s: no rows", text)
		}
		return rows.Err()
	}
}
