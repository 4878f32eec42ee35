// Command bench compares middb with its peers: the same data, the same work, settings as equal as
// each engine allows, and everything that could colour a number printed beside it.
//
// It promises that a figure in its report can be judged and repeated:
//
//   - Every measurement runs in a child process of its own (the program re-executes itself), so
//     resident memory, garbage collector and allocation counts belong to one engine and one
//     workload, and no engine's background work disturbs another's.
//   - Measurements are interleaved: for each round, for each workload, each engine in turn, the
//     order of the engines rotating by round. What drifts in the machine hits all alike.
//   - Keys, values and the order of operations follow from the seed alone. Answers are checked;
//     a wrong one fails the run, for a fast wrong answer is worth nothing.
//   - What an engine puts off is not free: bytes written, directory size and CPU per operation of
//     write workloads are taken after flush and compaction have come to rest.
//
// The files: data.go makes keys and values, histogram.go and resources.go measure, store.go says
// what an engine must do here and each engine's file does it, workload.go holds the table of
// workloads, write.go, read.go and scan.go their loops, child.go one measurement, runner.go the
// order of all of them, report.go the Markdown. README.md tells how to run it and read the result.
package main
