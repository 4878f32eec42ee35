package resp

import "github.com/middb/middb/wire/server/monitor"

// Activity implements monitor.Source. Commands are not timed one by one: clients send them in lots, and lots are
// answered as a whole.
func (f *Front) Activity() monitor.Activity {
	s := f.Stats()
	return monitor.Activity{
		Connections: int64(s.Connections), Sessions: int64(s.Connections), Cursors: int64(s.OpenScanCursors),
		Requests: s.Commands, Failed: s.FailedCommands, Accepted: s.Accepted, Refused: s.Refused,
		BytesIn: s.BytesIn, BytesOut: s.BytesOut,
	}
}
