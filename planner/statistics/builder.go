package statistics

import (
	"math/rand/v2"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
)

// How much is kept.
const (
	SampleRows   = 30_000 // rows of the sample; fewer of tables with very many columns
	CommonValues = 50     // most common values
	Buckets      = 100    // of histograms

	maxSampleValues = 1_500_000
	maxSampleBytes  = 1024 // of a value: longer ones are neither common values nor bounds
)

// A Builder makes statistics of rows.
type Builder struct {
	columns []*column
	rows    int64
	most    int // rows of the sample
	sample  []sampled
	random  *rand.Rand
}

// A column is what is found out about one from all rows.
type column struct {
	id       uint16
	nulls    int64
	bytes    float64
	distinct sketch
}

// A sampled row is one of the sample, with its place among all rows.
type sampled struct {
	row    int64
	values []catalog.Value
}

// NewBuilder returns a builder of statistics about the columns of a table at some places. The seed chooses the sample.
func NewBuilder(t *catalog.Table, places []int, seed uint64) *Builder {
	b := &Builder{random: rand.New(rand.NewPCG(seed, seed)), most: SampleRows}
	for _, at := range places {
		b.columns = append(b.columns, &column{id: t.Columns[at].ID})
	}
	if n := len(places); n > 0 {
		b.most = min(b.most, maxSampleValues/n)
	}
	return b
}

// Add adds the rows of a batch, whose columns are those that the builder is about, in the same order. The batch stays the
// caller's. Rows should come in the order in which they are stored.
func (b *Builder) Add(batch *catalog.Batch) {
	for i, c := range b.columns {
		c.add(batch.Columns[i], batch)
	}
	n := batch.Rows()
	for i := range n {
		at := i
		if batch.Sel != nil {
			at = int(batch.Sel[i])
		}
		b.choose(batch, at)
		b.rows++
	}
}

// choose puts a row into the sample if chance wants it: the n-th row with the probability most/n, in place of another one.
func (b *Builder) choose(batch *catalog.Batch, at int) {
	var s *sampled
	if len(b.sample) < b.most {
		b.sample = append(b.sample, sampled{values: make([]catalog.Value, len(b.columns))})
		s = &b.sample[len(b.sample)-1]
	} else if i := b.random.Int64N(b.rows + 1); i < int64(b.most) {
		s = &b.sample[i]
	} else {
		return
	}
	s.row = b.rows
	for i := range b.columns {
		s.values[i] = batch.Columns[i].Value(at).Clone()
	}
}

// add adds the values of a vector.
func (c *column) add(v *catalog.Vector, batch *catalog.Batch) {
	if batch.Sel != nil {
		for _, i := range batch.Sel {
			c.addOne(v, int(i))
		}
		return
	}
	for i := range batch.Len {
		c.addOne(v, i)
	}
}

func (c *column) addOne(v *catalog.Vector, i int) {
	if v.IsNull(i) {
		c.nulls++
		return
	}
	h, width := hashOf(v, i)
	c.distinct.add(h)
	c.bytes += float64(width)
}

// Rows returns how many rows have been added.
func (b *Builder) Rows() int64 { return b.rows }

// Statistics returns what was found out. Nothing may be added after that.
func (b *Builder) Statistics() *plan.Statistics {
	s := &plan.Statistics{Rows: float64(b.rows), Columns: make([]plan.ColumnStatistics, len(b.columns))}
	sortByRow(b.sample)
	for i, c := range b.columns {
		s.Columns[i] = b.describe(i, c)
	}
	return s
}

// describe returns what was found out about a column.
func (b *Builder) describe(i int, c *column) plan.ColumnStatistics {
	s := plan.ColumnStatistics{ID: c.id}
	if b.rows == 0 {
		return s
	}
	values := float64(b.rows - c.nulls)
	s.Nulls = float64(c.nulls) / float64(b.rows)
	if values == 0 {
		return s
	}
	s.Width = c.bytes / values
	v := newValues(b.sample, i)
	whole := int64(len(b.sample)) == b.rows
	if whole {
		s.Distinct = float64(v.distinct())
	} else {
		s.Distinct = max(float64(v.distinct()), min(values, c.distinct.count()))
	}
	s.Correlation = v.correlation()
	v.common(&s, s.Distinct, whole)
	v.histogram(&s)
	return s
}
