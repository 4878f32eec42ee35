// Package invariant holds the checks that guard the program against itself.
//
// A failed check is a bug in middb, never bad input: bad input gets an error, bad bytes get an
// [integrity.CorruptionError]. A failed check panics with a [Violation]; the actor in whose
// receive it happens fails the engine, which keeps the cause and turns read-only.
//
// [integrity.CorruptionError]: https://pkg.go.dev/github.com/middb/middb/integrity#CorruptionError
package invariant

import "fmt"

// A Violation is the panic value of a failed check.
type Violation struct {
	// What names the invariant that does not hold, with the values that break it.
	What string
}

// Error implements error, so that a recovered Violation can be kept as the cause of a failure.
func (v *Violation) Error() string { return "invariant violated: " + v.What }

// Check panics with a Violation unless ok holds. It formats nothing when ok holds.
func Check(ok bool, format string, args ...any) {
	if !ok {
		panic(&Violation{What: fmt.Sprintf(format, args...)})
	}
}

// Unreachable panics with a Violation. It ends the type switches and kind switches whose cases
// are meant to be complete.
func Unreachable(format string, args ...any) {
	panic(&Violation{What: "unreachable: " + fmt.Sprintf(format, args...)})
}
