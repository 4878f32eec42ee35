// Package wire tests the program's server from outside: the binary that users run, as a process, on real files and over
// real sockets.
//
//   - Hostile clients (hostile_test.go): each attack runs in a process of its own, at a low priority, since it is the
//     server's patience that is tested and not how two processors are shared. Meanwhile a well-behaved client reads and
//     writes at a steady pace; its 99th percentile must stay under ten times that of quiet times, and every answer
//     must be right. The server's memory must stay under its limit. Afterwards every session,
//     transaction, cursor, View and goroutine that the attack brought about must be gone.
//   - Lives (linear_test.go, bank_test.go): clients work while the server is killed with SIGKILL, again and again, the
//     moment one of them is told that its write is durable. What was acknowledged must be there, what had no answer may
//     be there or not, and single keys must be linearizable.
//   - The whole path (endtoend_test.go, lifecycle_test.go, access_test.go): one scenario over TCP, TLS and a Unix socket;
//     signals; who may do what.
//
// tests/planted breaks the server and requires that these tests notice.
package wire
