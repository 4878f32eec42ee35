package resp

import "github.com/middb/middb/wire/server/monitor"

// Activity implements monitor.Source. An operation is a command; those that there are not are the operation "unknown". No
// cursor is ever open: between two SCANs nothing is held but a key.
func (f *Front) Activity() monitor.Activity {
	s := f.Stats()
	a := monitor.Activity{
		Connections: int64(s.Connections), Sessions: int64(s.Connections),
		Accepted: s.Accepted, Refused: s.Refused, BytesIn: s.BytesIn, BytesOut: s.BytesOut,
	}
	for kind := range f.operations {
		o := &f.operations[kind]
		a.Operations = append(a.Operations, monitor.Operation{Name: kindName(kind), Errors: o.failed.Load(), Latency: o.latency.Snapshot()})
	}
	return a
}
