// Command redis compares middb's server with Redis, as redis-benchmark and a Python program see them: the same command
// lines, against redis-server and against the RESP port of middb, on one machine in one run.
//
// It promises that a ratio in its report can be judged and repeated:
//
//   - Both servers hold the same keys and values, on the same disk, and write them as durably as one another: Redis with
//     appendfsync everysec beside middb with --durability nosync, appendfsync always beside --durability sync.
//   - While one is measured, the others are stopped (SIGSTOP): they get no processor time and no disk.
//   - Measurements alternate, round by round, and the order changes each round. A ratio is the median over the rounds, of
//     two measurements that stand close in time; its spread is printed beside it.
//
// The files: main.go reads the command line, rows.go holds the table of comparisons with their goals, server.go starts,
// fills and stops servers, measure.go runs redis-benchmark and get.py and reads what they say, run.go orders it all,
// report.go prints. README.md tells how to run it and read the result.
package main
