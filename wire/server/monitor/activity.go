package monitor

import "github.com/middb/middb/metrics"

// A Source is a server, or a front of one, that says what it is doing: what /metrics shows beside the numbers of
// the engine. The server keeps the counters, in atomics and metrics.Histogram; it is asked once a scrape, by
// any goroutine.
type Source interface {
	Activity() Activity
}

// An Activity is what a server is doing at a moment, and has done since its start.
type Activity struct {
	Operations []Operation // one for each operation that clients may ask for, in an order of the server's

	// At this moment.
	Connections  int64 // open connections
	Sessions     int64 // of them, those that have said hello and have authenticated if they must
	InFlight     int64 // requests received and not answered
	Transactions int64 // open in sessions
	Cursors      int64 // scans and watches open in sessions
	UnsentBytes  int64 // of replies that clients have not taken yet

	// Since the start.
	Accepted int64 // connections accepted
	Refused  int64 // connections closed because there were too many
	Rejected int64 // attempts to authenticate that failed
	BytesIn  int64 // received from clients
	BytesOut int64 // sent to clients
}

// An Operation is what there is to know of one kind of request.
type Operation struct {
	// Name is what clients call the operation, in lower case: get, put, scan, begin.
	Name string
	// Errors counts the requests answered with an error. Latency has them too.
	Errors int64
	// Latency has the nanoseconds from the arrival of each request to its answer, that of a stream to its
	// first frame.
	Latency metrics.Snapshot
}

// Add adds what a server of another protocol does. Its operations have the protocol in front of their names: "resp get".
func (a *Activity) Add(b Activity, protocol string) {
	for _, o := range b.Operations {
		o.Name = protocol + " " + o.Name
		a.Operations = append(a.Operations, o)
	}
	a.Connections += b.Connections
	a.Sessions += b.Sessions
	a.InFlight += b.InFlight
	a.Transactions += b.Transactions
	a.Cursors += b.Cursors
	a.UnsentBytes += b.UnsentBytes
	a.Accepted += b.Accepted
	a.Refused += b.Refused
	a.Rejected += b.Rejected
	a.BytesIn += b.BytesIn
	a.BytesOut += b.BytesOut
}

// requests returns how many requests were answered in all, and how many of them with an error.
func (a *Activity) requests() (all, failed int64) {
	for i := range a.Operations {
		all += int64(a.Operations[i].Latency.Count())
		failed += a.Operations[i].Errors
	}
	return all, failed
}
