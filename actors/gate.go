package actors

import "sync/atomic"

// A Gate is something that commits depend on and that one commit ends for all after it in the order: a
// keyspace that can be dropped. The coordinator shuts it; anybody may ask.
type Gate struct {
	// Err is what commits through the gate get once it is shut.
	Err  error
	shut atomic.Bool
}

// Check returns Err if the gate is shut, or else nil.
func (g *Gate) Check() error {
	if g.shut.Load() {
		return g.Err
	}
	return nil
}
