package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

func TestFilesReturnWhatWasWritten(t *testing.T) {
	for seed := range environment.Seeds(t, 100) {
		r := randomSource(seed)
		columns := table(1, append(testTypes, catalog.Type{Kind: catalog.Interval})...)
		rows := randomRows(r, columns, r.IntN(200))
		for _, row := range rows {
			row[len(row)-1] = catalog.IntervalOf(int32(r.IntN(3)), int32(r.IntN(3)), r.Int64N(3))
		}
		in := &source{columns: columns, rows: rows, r: r, size: 8}
		b := newBench(1<<20, 8)
		account := &budget{account: &b.memory}
		f, err := b.newSpillFile(account, "rows")
		if err != nil {
			t.Fatal(err)
		}
		for {
			batch, _ := in.Next(context.Background())
			if batch == nil {
				break
			}
			if err := f.write(batch.Columns, rowsOf(batch)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.finish(); err != nil || account.spilled != f.size {
			t.Fatalf("MIDDB_SEED=%d: %v, %d bytes noted, %d written", seed, err, account.spilled, f.size)
		}
		for range 2 {
			reader := f.reader(len(columns))
			var got [][]catalog.Value
			for {
				batch, err := reader.next()
				if err != nil {
					t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
				}
				if batch == nil {
					break
				}
				for i := range batch.Len {
					row := make([]catalog.Value, len(columns))
					for c, v := range batch.Columns {
						row[c] = v.Value(i)
					}
					got = append(got, row)
				}
			}
			if show(got) != show(rows) {
				failed(t, seed, "file", show(got), show(rows), nil)
			}
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		if names, _ := b.fs.List("tmp"); len(names) > 0 {
			t.Fatalf("left behind: %v", names)
		}
	}
}

// Whatever byte of a file changes, that is an error and nothing worse.
func TestDamagedFilesAreErrors(t *testing.T) {
	b := newBench(1<<20, 8)
	f, err := b.newSpillFile(&budget{account: &b.memory}, "rows")
	if err != nil {
		t.Fatal(err)
	}
	buffer := newRowBuffer(2)
	for _, row := range [][]catalog.Value{{catalog.Int(1), catalog.Str("text")}, {catalog.Null(), catalog.Str("")}} {
		one := &source{columns: table(1, bigint, text), rows: [][]catalog.Value{row}, size: 1}
		batch, _ := one.Next(context.Background())
		if err := buffer.append(batch, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.write(buffer.columns, []int32{0, 1}), f.finish()); err != nil {
		t.Fatal(err)
	}
	whole := make([]byte, f.size)
	if _, err := f.file.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for _, flip := range []byte{1, 0x80} {
			whole[i] ^= flip
			f.file.WriteAt(whole, 0)
			if batch, err := f.reader(2).next(); !errors.Is(err, sqlstate.IOError) {
				t.Errorf("byte %d: %v, %v", i, batch, err)
			}
			whole[i] ^= flip
		}
		d := recordDecoder{rest: whole[spillHeaderBytes:max(i, spillHeaderBytes)]}
		if d.batch(&catalog.Batch{Columns: newVectors(2)}) {
			t.Errorf("%d bytes are a record", i)
		}
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
}

// spilling has operators that write to files with little memory.
func spilling(b *builder, in *source) map[string]func() (Operator, error) {
	n := in.columns
	return map[string]func() (Operator, error){
		"sort": func() (Operator, error) {
			s := &physical.Sort{Input: in, Keys: []plan.Key{{Column: 1}}}
			return newSort(b, s, in)
		},
		"aggregate": func() (Operator, error) {
			a := &physical.HashAggregate{Input: in, Groups: []expr.ColumnID{1}}
			a.Output = n[:1]
			return newHashAggregate(b, a, in)
		},
		"count distinct": func() (Operator, error) {
			a := &physical.HashAggregate{Input: in, Aggregates: []plan.Aggregation{call(20, "count", 1, bigint)}}
			a.Aggregates[0].Distinct = true
			a.Output = []plan.Column{a.Aggregates[0].Column}
			return newHashAggregate(b, a, in)
		},
		"distinct": func() (Operator, error) {
			return newHashDistinct(b, &physical.HashDistinct{Input: in, On: []expr.ColumnID{1}}, in)
		},
		"intersect": func() (Operator, error) {
			other := *in
			s := &physical.HashSet{Kind: plan.Intersect, Left: in, Right: &other, LeftColumns: idsOf(n), RightColumns: idsOf(n)}
			s.Output = n
			return newHashSet(b, s, in, &other)
		},
		"window": func() (Operator, error) {
			w := &physical.Window{Input: in, Functions: []plan.WindowFunction{{Aggregation: call(20, "cume_dist", 0, double)}}}
			w.Output = n
			return newWindow(b, w, in)
		},
	}
}

func manyRows() *source {
	in := &source{columns: table(1, bigint, text), size: 50}
	for i := range 2000 {
		in.rows = append(in.rows, []catalog.Value{catalog.Int(int64(i * 7919 % 2000)), catalog.Str(fmt.Sprint("text ", i))})
	}
	return in
}

// A failing disk is an error; nothing stays behind that could be removed.
func TestFailingFilesAreErrors(t *testing.T) {
	for name := range spilling(nil, manyRows()) {
		for _, op := range []vfs.OpKind{vfs.OpCreate, vfs.OpWrite, vfs.OpRead} {
			b := newBench(4000, 16)
			broken := errors.New("broken")
			b.options.FS = vfs.NewFault(b.fs, vfs.Rule{Ops: op, Err: broken})
			o, err := spilling(b.builder, manyRows())[name]()
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				var batch *catalog.Batch
				if batch, err = o.Next(context.Background()); batch == nil && err == nil {
					t.Fatalf("%s: no error of %v", name, op)
				}
			}
			if !errors.Is(err, broken) || !errors.Is(err, sqlstate.IOError) {
				t.Errorf("%s, %v: %v", name, op, err)
			}
			if err := o.Close(); err != nil {
				t.Errorf("%s, %v: close: %v", name, op, err)
			}
			if names, _ := b.fs.List("tmp"); len(names) > 0 {
				t.Errorf("%s, %v: left behind: %v", name, op, names)
			}
		}
	}
}

func TestWithoutFilesTooMuchIsAnError(t *testing.T) {
	for name := range spilling(nil, manyRows()) {
		b := newBench(4000, 16)
		b.options.FS = nil
		o, err := spilling(b.builder, manyRows())[name]()
		for err == nil {
			var batch *catalog.Batch
			if batch, err = o.Next(context.Background()); batch == nil {
				break
			}
		}
		if !errors.Is(err, sqlstate.OutOfMemory) || !strings.Contains(err.Error(), "4000 bytes") {
			t.Errorf("%s: %v", name, err)
		}
		o.Close()
	}
}

func TestOperatorsStopWhenTheyAreCanceled(t *testing.T) {
	for name := range spilling(nil, manyRows()) {
		b := newBench(4000, 16)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		o, err := spilling(b.builder, manyRows())[name]()
		for err == nil {
			var batch *catalog.Batch
			if batch, err = o.Next(ctx); batch == nil {
				break
			}
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}
