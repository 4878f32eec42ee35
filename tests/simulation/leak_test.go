package simulation

import (
	"runtime"
	"testing"

	"github.com/middb/middb/offheap"
)

// Closed databases give everything back, those whose disk has failed too.
func TestLivesLeaveNothingBehind(t *testing.T) {
	goroutines, memory := runtime.NumGoroutine(), offheap.Allocated()
	for seed := uint64(1); seed <= 50; seed++ {
		if r := Play(seed, Plan{}); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	for range 1000 { // the collector finds memtables and tables, cleanups then free their memory
		if runtime.GC(); runtime.NumGoroutine() <= goroutines && offheap.Allocated() <= memory {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines and %d bytes are left, %d and %d before", runtime.NumGoroutine(), offheap.Allocated(), goroutines, memory)
}
