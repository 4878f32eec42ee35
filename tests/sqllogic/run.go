package sqllogic

import (
	"context"
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
)

// A Database runs the statements of one file.
type Database interface {
	Exec(ctx context.Context, sql string) error
	Query(ctx context.Context, sql string) ([][]catalog.Value, error)
}

// Options say how records are run. The zero value runs all of them.
type Options struct {
	// Sample runs one query of so many, chosen by its text; all statements are run. 0: all queries.
	Sample int
	// Plan is the Condition of the plan: records that are to be skipped under it are. Empty: none are.
	Plan string
	// Values are the lines of queries whose values differ on purpose.
	Values map[int]bool
	// Failures is how many failures are kept. 0: 10.
	Failures int
	// Timeout is for each record. 0: a minute.
	Timeout time.Duration
}

// A Result says what became of the records of a file.
type Result struct {
	Passed, Failed int
	Skipped        int            // for other databases, not in the sample, or a difference
	Differences    map[string]int // of these: by name
	Differing      []int          // lines of the records that differ
	Failures       []Failure      // the first ones
}

// A Failure is a record whose answer is wrong.
type Failure struct {
	File string
	Line int
	SQL  string
	Why  string
}

// String shows the failure to people.
func (f Failure) String() string {
	return fmt.Sprintf("%s:%d: %s\n%s", f.File, f.Line, strings.TrimSpace(f.SQL), f.Why)
}

// Run runs the records of a file, in order.
func Run(ctx context.Context, name string, records []Record, db Database, o Options) *Result {
	if o.Failures == 0 {
		o.Failures = 10
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	res := &Result{Differences: map[string]int{}}
	f := &file{db: db, timeout: o.Timeout, labels: map[string]string{}, values: o.Values}
	for i := range records {
		r := &records[i]
		if ctx.Err() != nil {
			return res
		}
		if !r.runs(o.Plan) || r.Query && o.Sample > 1 && hash(r.SQL)%uint32(o.Sample) != 0 {
			res.Skipped++
			continue
		}
		why, differs := f.run(ctx, r)
		switch {
		case differs != nil:
			res.Skipped++
			res.Differences[differs.Name]++
			res.Differing = append(res.Differing, r.Line)
		case why == "":
			res.Passed++
		default:
			res.Failed++
			if len(res.Failures) < o.Failures {
				res.Failures = append(res.Failures, Failure{name, r.Line, r.SQL, why})
			}
		}
	}
	return res
}

func hash(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // which never fails
	return h.Sum32()
}

// A file is one whose records are being run.
type file struct {
	db      Database
	timeout time.Duration
	values  map[int]bool      // as in Options
	labels  map[string]string // the digest of the answer of each
	refused []string          // tables that a statement was to write that was refused on purpose
}

// run returns what is wrong, or nothing, or what it is that middb does otherwise.
func (f *file) run(ctx context.Context, r *Record) (string, *Difference) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if r.Query {
		return f.query(ctx, r)
	}
	err := f.db.Exec(ctx, r.SQL)
	switch {
	case r.Error && err == nil:
		return "want an error, got none", nil
	case r.Error || err == nil:
		return "", nil
	}
	d := difference(r.SQL, err)
	if m := writes.FindStringSubmatch(r.SQL); d != nil && m != nil {
		f.refused = append(f.refused, strings.ToLower(m[1]))
	}
	return err.Error(), d
}

// writes finds the table that a statement writes.
var writes = regexp.MustCompile(`(?is)^\s*(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)\s+(\w+)`)

func (f *file) query(ctx context.Context, r *Record) (string, *Difference) {
	rows, err := f.db.Query(ctx, r.SQL)
	if err != nil {
		return err.Error(), difference(r.SQL, err)
	}
	got, err := answer(r, rows)
	if err != nil {
		return err.Error(), nil
	}
	if why := check(r, got); why != "" {
		if f.values[r.Line] {
			return why, &value
		}
		for _, table := range f.refused {
			if strings.Contains(strings.ToLower(r.SQL), table) {
				return why, &consequence
			}
		}
		return why, nil
	}
	if r.Label != "" {
		d := digest(got)
		if before, there := f.labels[r.Label]; there && before != d {
			return fmt.Sprintf("the answer with label %s was %s, now it is %s", r.Label, before, d), nil
		}
		f.labels[r.Label] = d
	}
	return "", nil
}
