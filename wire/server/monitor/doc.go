// Package monitor shows the state of a server to those who operate it: over HTTP, for Prometheus, and for
// probes of what starts and watches processes. See docs/metrics.md for every metric.
//
// [New] serves
//
//	/livez    200 as long as the process answers
//	/readyz   200 if requests are served and writes are taken; else 503, and the reason
//	/metrics  every number, in the format of Prometheus
//
// and [Profiles] what net/http/pprof has. Profiles show memory and command line and cost time, so they are
// apart, on an address that only this machine reaches: see [ListenLoopback].
//
// The caller keeps the numbers of the server itself: see [Source].
package monitor
