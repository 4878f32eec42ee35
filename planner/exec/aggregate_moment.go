package exec

import (
	"math"

	"github.com/middb/middb/catalog"
)

// moments is what the statistical functions have of the pairs of a group: sums of squares around the means, as Youngs and
// Cramer compute them, which PostgreSQL does too. Functions of one argument have x alone.
type moments struct {
	n             float64
	sumX, sumY    float64
	sxx, syy, sxy float64
}

func (m *moments) see(x, y float64, pair bool) {
	m.n++
	m.sumX += x
	m.sumY += y
	if m.n > 1 {
		dx, dy := x*m.n-m.sumX, y*m.n-m.sumY
		if !pair {
			m.sxx += dx * dx / (m.n * (m.n - 1))
			return
		}
		scale := 1 / (m.n * (m.n - 1))
		m.sxx += dx * dx * scale
		m.syy += dy * dy * scale
		m.sxy += dx * dy * scale
		return
	}
	if x-x != 0 || y-y != 0 { // of infinite numbers there is none
		m.sxx, m.syy, m.sxy = math.NaN(), math.NaN(), math.NaN()
	}
}

// statistics is STDDEV, VARIANCE, CORR, COVAR and REGR in their variants. In those of two arguments, the first one is y.
type statistics struct {
	groups []moments
	pairs  bool
	of     func(m *moments) (result float64, known bool)
	count  bool // REGR_COUNT, which is a BIGINT
}

func (a *statistics) grow(n int) { a.groups = grown(a.groups, n) }

func (a *statistics) add(args []*catalog.Vector, rows, groups []int32) error {
	x, y := args[0], args[0]
	if a.pairs {
		x = args[1]
	}
	for i, g := range groups {
		row := rows[i]
		if !x.IsNull(int(row)) && !y.IsNull(int(row)) {
			a.groups[g].see(x.Floats[row], y.Floats[row], a.pairs)
		}
	}
	return nil
}

func (a *statistics) value(group int32) (catalog.Value, error) {
	m := &a.groups[group]
	if a.count {
		return catalog.Int(int64(m.n)), nil
	}
	f, ok := a.of(m)
	if !ok {
		return catalog.Null(), nil
	}
	return catalog.Float(f), nil
}

func (a *statistics) bytes() int64 { return 48 * int64(cap(a.groups)) }
func (a *statistics) reset()       { a.groups = a.groups[:0] }

// newStatistics returns the accumulator of a statistical function, or nil if it is none.
func newStatistics(name string) *statistics {
	if name == "regr_count" {
		return &statistics{pairs: true, count: true}
	}
	for _, one := range []struct {
		name string
		of   func(m *moments) (float64, bool)
	}{
		{"var_pop", func(m *moments) (float64, bool) { return m.sxx / m.n, m.n > 0 }},
		{"var_samp", func(m *moments) (float64, bool) { return m.sxx / (m.n - 1), m.n > 1 }},
		{"stddev_pop", func(m *moments) (float64, bool) { return math.Sqrt(m.sxx / m.n), m.n > 0 }},
		{"stddev_samp", func(m *moments) (float64, bool) { return math.Sqrt(m.sxx / (m.n - 1)), m.n > 1 }},
	} {
		if one.name == name {
			return &statistics{of: one.of}
		}
	}
	for _, two := range []struct {
		name string
		of   func(m *moments) (float64, bool)
	}{
		{"covar_pop", func(m *moments) (float64, bool) { return m.sxy / m.n, m.n > 0 }},
		{"covar_samp", func(m *moments) (float64, bool) { return m.sxy / (m.n - 1), m.n > 1 }},
		{"corr", func(m *moments) (float64, bool) {
			return m.sxy / math.Sqrt(m.sxx*m.syy), m.n > 0 && m.sxx != 0 && m.syy != 0
		}},
		{"regr_slope", func(m *moments) (float64, bool) { return m.sxy / m.sxx, m.n > 0 && m.sxx != 0 }},
		{"regr_intercept", func(m *moments) (float64, bool) {
			return (m.sumY - m.sumX*m.sxy/m.sxx) / m.n, m.n > 0 && m.sxx != 0
		}},
		{"regr_r2", func(m *moments) (float64, bool) {
			if m.syy == 0 {
				return 1, m.n > 0 && m.sxx != 0
			}
			return m.sxy * m.sxy / (m.sxx * m.syy), m.n > 0 && m.sxx != 0
		}},
		{"regr_avgx", func(m *moments) (float64, bool) { return m.sumX / m.n, m.n > 0 }},
		{"regr_avgy", func(m *moments) (float64, bool) { return m.sumY / m.n, m.n > 0 }},
		{"regr_sxx", func(m *moments) (float64, bool) { return m.sxx, m.n > 0 }},
		{"regr_syy", func(m *moments) (float64, bool) { return m.syy, m.n > 0 }},
		{"regr_sxy", func(m *moments) (float64, bool) { return m.sxy, m.n > 0 }},
	} {
		if two.name == name {
			return &statistics{of: two.of, pairs: true}
		}
	}
	return nil
}
