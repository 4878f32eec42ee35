// Package planted shows that the tests of the engine can fail: it plants bugs in the source, one at
// a time and through an overlay of the go command, so that no file changes, and runs a test that
// must find each.
package planted
