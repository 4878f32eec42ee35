// Package layering holds the shape of the program by a test: which package may import which, who
// may know the actor framework, who may reach files past vfs, and who may start goroutines.
//
// The table of layers is in layering_test.go. A new package gets its place there when it is made;
// one that has none fails the test.
package layering
