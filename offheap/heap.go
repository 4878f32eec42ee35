//go:build race || !unix

package offheap

// Alloc returns n zero bytes from the Go heap; n must be positive.
func Alloc(n int, _ bool) ([]byte, error) {
	allocated.Add(int64(n))
	return make([]byte, n), nil
}

// Free forgets b.
func Free(b []byte) { allocated.Add(-int64(len(b))) }

// Release zeroes b, which must be a whole result of Alloc.
func Release(b []byte) { clear(b) }
