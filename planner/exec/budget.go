package exec

import (
	"errors"
	"fmt"

	"github.com/middb/middb/planner/sqlstate"
)

// errOver says that the memory of a query is used up: the operator has to write to a file what it keeps, or to give up
// with tooMuch.
var errOver = errors.New("the memory of the query is used up")

// An account is how much memory the operators of a query keep together.
type account struct{ limit, used int64 }

// A budget is the part of an operator. What it counts are estimates: of texts their bytes, of all else the slices.
type budget struct {
	account       *account
	used          int64
	peak, spilled int64 // for EXPLAIN ANALYZE
}

// Grow notes that n more bytes are kept. If that is more than the query may have it returns errOver, and nothing is noted.
func (b *budget) Grow(n int64) error {
	if b.account.used+n > b.account.limit {
		return errOver
	}
	b.Force(n)
	return nil
}

// Force notes n more bytes even if that is too much, for what an operator cannot do without.
func (b *budget) Force(n int64) {
	b.account.used += n
	b.used += n
	b.peak = max(b.peak, b.used)
}

// Shrink notes that n bytes are no longer kept.
func (b *budget) Shrink(n int64) {
	b.account.used -= n
	b.used -= n
}

// Release notes that nothing is kept any more.
func (b *budget) Release() { b.Shrink(b.used) }

// Spilled notes that n bytes were written to a temporary file.
func (b *budget) Spilled(n int64) { b.spilled += n }

// tooMuch returns the error of an operator that can neither keep its rows nor write them to a file. What names them.
func (r *run) tooMuch(what string) error {
	e := sqlstate.New(sqlstate.OutOfMemory, -1, "%s need more memory than the %s of a query", what, bytesText(r.options.Memory))
	return e.WithHint("set middb.memory to more, or have the query keep less")
}

// bytesText returns a number of bytes for people.
func bytesText(n int64) string {
	for _, u := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d %s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
