//go:build race

package page

// poison overwrites freed memory, so that a reader without a pin is caught: by the race detector,
// or by the checksums and models of the tests.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
