package session

import (
	"math"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// Limits are what whoever owns a session lets it do. The zero value limits nothing. They hold whatever SET says.
type Limits struct {
	// OnlyRead refuses everything that writes: transactions only read.
	OnlyRead bool
	// Memory is how many bytes a query may keep in memory before it writes to files; 0: what the settings say.
	Memory int64
	// Transaction is after how long a transaction that BEGIN has begun is rolled back; 0: never.
	Transaction time.Duration
}

// Limit sets the limits of statements that are run from now on.
func (s *Session) Limit(l Limits) { s.limits = l }

// onlyReads reports whether nothing can be written, whatever the settings say.
func (s *Session) onlyReads() bool { return s.env.ReadOnly || s.limits.OnlyRead }

// cannotWrite is the error of BEGIN READ WRITE where nothing can be written.
func (s *Session) cannotWrite() error {
	if s.env.ReadOnly {
		return sqlstate.New(sqlstate.ReadOnlyTransaction, -1, "the database was opened for reading only")
	}
	return sqlstate.New(sqlstate.ReadOnlyTransaction, -1, "the session may only read")
}

// memory returns how much a query may keep in memory.
func (s *Session) memory() int64 {
	most, set := s.limits.Memory, s.settings.memory
	if most > 0 && (set == 0 || set > most) {
		return most
	}
	return set
}

// A Plain is a value of a parameter as protocols carry it: for a DATE an int64 is days since 1970-01-01, and for a TIMESTAMPTZ
// microseconds since then; text may have a time also for a DATE, which is that of its own zone, as of a time.Time. Everything
// else is what it is without Plain.
type Plain struct{ Value any }

// of returns the value as one that catalog.From takes for a type.
func (p Plain) of(t catalog.Type) any {
	if text, ok := p.Value.(string); ok && t.Kind == catalog.Date {
		if at, err := time.Parse("2006-01-02 15:04:05.999999Z07:00", text); err == nil {
			return at
		}
	}
	n, ok := p.Value.(int64)
	switch {
	case !ok:
		return p.Value
	case t.Kind == catalog.Date && n > math.MinInt32 && n < math.MaxInt32:
		return time.Unix(n*86400, 0).UTC()
	case t.Kind == catalog.Timestamp:
		return time.UnixMicro(n).UTC()
	default:
		return p.Value
	}
}
