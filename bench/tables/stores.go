package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"go.etcd.io/bbolt"
	_ "modernc.org/sqlite" // registers the driver

	"github.com/middb/middb/bench/ratio"
)

// The stores.
const (
	middb      = ratio.Middb
	bboltFile  = "bbolt"
	sqliteFile = "sqlite"
)

// A row is a row of the table.
type row struct {
	id, a, b int64
	name     string
}

// data is what is inserted, and what is looked for.
type data struct {
	rows    []row
	wanted  []int64 // values of a, in random order
	highest int64   // above all values of a and b
}

func newData(rows int) *data {
	d := &data{highest: 1 << 62}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range rows {
		d.rows = append(d.rows, row{int64(i + 1), rng.Int64N(d.highest), rng.Int64N(d.highest), fmt.Sprintf("somebody with a name of bytes %015d", i)})
	}
	for _, i := range rng.Perm(rows) {
		d.wanted = append(d.wanted, d.rows[i].a)
	}
	return d
}

// A store is a database with the table, of one user.
type store interface {
	insert(rows []row) error // in a transaction
	lookUp() error           // reads the row of each wanted a
	scan() error             // reads all rows
	close() error
}

func openStore(name, dir string, d *data) (store, error) {
	switch name {
	case middb:
		return openOurs(dir, d)
	case bboltFile:
		return openBbolt(dir, d)
	default:
		return openSQLite(dir, d)
	}
}

type ours struct {
	*data
	db *engine.DB
}

func openOurs(dir string, d *data) (store, error) {
	db, err := engine.Spawn(engine.Config{Dir: dir, Durability: engine.NoSync})
	if err != nil {
		return nil, err
	}
	if _, err = db.GetTable("rows"); errors.Is(err, engine.ErrNoTable) {
		var def *catalog.Definition
		def, err = catalog.NewTable("rows").Column("id", "BIGINT").Column("a", "BIGINT").Column("b", "BIGINT").Column("name", "TEXT").
			PrimaryKey("id").Index("by_a", "a").Index("by_b", "b").Build()
		if err == nil {
			err = db.RegisterTable(context.Background(), def)
		}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &ours{d, db}, nil
}

func (s *ours) insert(rows []row) error {
	return s.db.Update(context.Background(), func(txn *engine.Txn) error {
		t, err := txn.Table("rows")
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := t.Insert(catalog.Int(r.id), catalog.Int(r.a), catalog.Int(r.b), catalog.Str(r.name)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *ours) lookUp() error {
	return s.db.View(context.Background(), func(txn *engine.Txn) error {
		t, err := txn.Table("rows")
		if err != nil {
			return err
		}
		for _, a := range s.wanted {
			found, err := t.ScanIndex("by_a", engine.ScanOptions{Prefix: []catalog.Value{catalog.Int(a)}})
			if err != nil {
				return err
			}
			if !found.Next() || len(found.Values()) != 4 || found.Values()[1].AsInt() != a {
				return errors.Join(fmt.Errorf("no row with a = %d", a), found.Close())
			}
			if err := found.Close(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *ours) scan() error {
	return s.db.View(context.Background(), func(txn *engine.Txn) error {
		t, err := txn.Table("rows")
		if err != nil {
			return err
		}
		rows, err := t.Scan(engine.ScanOptions{})
		if err != nil {
			return err
		}
		n, sum := 0, int64(0)
		for rows.Next() {
			v := rows.Values()
			sum += v[1].AsInt() + v[2].AsInt() + int64(len(v[3].AsString()))
			n++
		}
		return errors.Join(rows.Err(), rows.Close(), s.counted(n, sum))
	})
}

// counted checks what a scan has read.
func (d *data) counted(n int, sum int64) error {
	for _, r := range d.rows {
		sum -= r.a + r.b + int64(len(r.name))
	}
	if n != len(d.rows) || sum != 0 {
		return fmt.Errorf("%d rows were read of %d, or wrong ones", n, len(d.rows))
	}
	return nil
}

func (s *ours) close() error { return s.db.Close() }

// bolt keeps rows in one bucket, and a bucket for each index: its keys are the value and the primary key.
type bolt struct {
	*data
	db *bbolt.DB
}

var rowBucket, aBucket, bBucket = []byte("rows"), []byte("a"), []byte("b")

func openBbolt(dir string, d *data) (store, error) {
	db, err := bbolt.Open(filepath.Join(dir, "rows"), 0o600, &bbolt.Options{
		NoSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) (err error) {
		for _, name := range [][]byte{rowBucket, aBucket, bBucket} {
			_, e := tx.CreateBucketIfNotExists(name)
			err = errors.Join(err, e)
		}
		return err
	})
	return &bolt{d, db}, err
}

func (s *bolt) insert(rows []row) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		all, byA, byB := tx.Bucket(rowBucket), tx.Bucket(aBucket), tx.Bucket(bBucket)
		for _, r := range rows {
			k := binary.BigEndian.AppendUint64(nil, uint64(r.id))
			v := make([]byte, 0, 16+len(r.name))
			v = binary.LittleEndian.AppendUint64(v, uint64(r.a))
			v = binary.LittleEndian.AppendUint64(v, uint64(r.b))
			err := errors.Join(
				all.Put(k, append(v, r.name...)),
				byA.Put(append(binary.BigEndian.AppendUint64(nil, uint64(r.a)), k...), nil),
				byB.Put(append(binary.BigEndian.AppendUint64(nil, uint64(r.b)), k...), nil))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *bolt) lookUp() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		all, byA := tx.Bucket(rowBucket), tx.Bucket(aBucket).Cursor()
		for _, a := range s.wanted {
			k, _ := byA.Seek(binary.BigEndian.AppendUint64(nil, uint64(a)))
			if len(k) != 16 {
				return fmt.Errorf("no row with a = %d", a)
			}
			if v := all.Get(k[8:]); len(v) < 16 || int64(binary.LittleEndian.Uint64(v)) != a || string(v[16:]) == "" {
				return fmt.Errorf("no row with a = %d", a)
			}
		}
		return nil
	})
}

func (s *bolt) scan() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(rowBucket).Cursor()
		n, sum := 0, int64(0)
		for k, v := c.First(); k != nil; k, v = c.Next() {
			sum += int64(binary.LittleEndian.Uint64(v)) + int64(binary.LittleEndian.Uint64(v[8:])) + int64(len(v)-16)
			n++
		}
		return s.counted(n, sum)
	})
}

func (s *bolt) close() error { return s.db.Close() }

type lite struct {
	*data
	db *sql.DB
}

func openSQLite(dir string, d *data) (store, error) {
	db, err := sql.Open("sqlite", filepath.Join(dir, "rows"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL",
		"CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, name TEXT)",
		"CREATE INDEX IF NOT EXISTS by_a ON rows (a)", "CREATE INDEX IF NOT EXISTS by_b ON rows (b)",
	} {
		if _, err = db.Exec(statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return &lite{d, db}, nil
}

func (s *lite) insert(rows []row) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	insert, err := tx.Prepare("INSERT INTO rows VALUES (?, ?, ?, ?)")
	for i := 0; i < len(rows) && err == nil; i++ {
		r := &rows[i]
		_, err = insert.Exec(r.id, r.a, r.b, r.name)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s *lite) lookUp() error {
	find, err := s.db.Prepare("SELECT id, a, b, name FROM rows WHERE a = ?")
	if err != nil {
		return err
	}
	for _, a := range s.wanted {
		var r row
		if err := find.QueryRow(a).Scan(&r.id, &r.a, &r.b, &r.name); err != nil {
			return err
		}
	}
	return find.Close()
}

func (s *lite) scan() error {
	rows, err := s.db.Query("SELECT id, a, b, name FROM rows")
	if err != nil {
		return err
	}
	n, sum := 0, int64(0)
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.a, &r.b, &r.name); err != nil {
			return errors.Join(err, rows.Close())
		}
		sum += r.a + r.b + int64(len(r.name))
		n++
	}
	return errors.Join(rows.Err(), rows.Close(), s.counted(n, sum))
}

func (s *lite) close() error { return s.db.Close() }
