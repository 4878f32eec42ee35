package server

import (
	"context"
	"errors"
	"testing"

	"github.com/middb/middb/wire"
)

func TestBudgetsServeInOrder(t *testing.T) {
	b := newBudget(100)
	ctx := context.Background()
	if !b.try(60) || b.try(41) || !b.try(40) {
		t.Fatal("try is not bounded by the limit")
	}
	if err := b.wait(ctx, 101); !errors.Is(err, wire.ErrLimit) {
		t.Errorf("more than there is: %v", err)
	}
	served := make(chan int, 3)
	impatient, giveUp := context.WithCancel(ctx)
	gaveUp := make(chan error)
	for i, n := range []int64{80, 90, 20} {
		go func() {
			if i == 1 {
				gaveUp <- b.wait(impatient, n)
				return
			}
			if err := b.wait(ctx, n); err != nil {
				t.Error(err)
			}
			served <- i
		}()
		eventually(t, "it waits", func() bool { return b.waiting.Load() == int32(i+1) })
	}
	b.free(60)
	if b.try(1) {
		t.Error("somebody overtakes those who wait")
	}
	b.free(20)
	if i := <-served; i != 0 {
		t.Errorf("%d was served first", i)
	}
	giveUp()
	if err := <-gaveUp; !errors.Is(err, wire.ErrLimit) {
		t.Errorf("who gave up: %v", err)
	}
	b.free(10)
	b.use(10) // which is above the limit, and charged nevertheless
	b.free(20)
	if i := <-served; i != 2 {
		t.Errorf("%d was served second", i)
	}
	if used := b.used.Load(); used != 100 || b.waiting.Load() != 0 || b.exhausted() {
		t.Errorf("%d are charged, %d wait", used, b.waiting.Load())
	}
}

func TestLeastMemoryIsWhatNewTakes(t *testing.T) {
	o := Options{MaxConnections: 10, MaxFrame: 1 << 20}.withDefaults()
	for short, fits := range map[int64]bool{0: true, 1: false} {
		o.MaxMemory = LeastMemory(o.MaxConnections, o.MaxFrame) - short
		if _, err := newMemory(&o); (err == nil) != fits {
			t.Errorf("%d bytes short: %v", short, err)
		}
	}
}
