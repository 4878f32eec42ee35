package invariant

import (
	"errors"
	"testing"
)

func TestCheckPanicsOnlyWhenBroken(t *testing.T) {
	if v := violationOf(func() { Check(true, "%d", 1) }); v != nil {
		t.Fatalf("a check that holds panicked: %v", v)
	}
	v := violationOf(func() { Check(false, "sequence %d after %d", 3, 5) })
	if v == nil || v.What != "sequence 3 after 5" {
		t.Fatalf("violation: %+v", v)
	}
	if got := v.Error(); got != "invariant violated: sequence 3 after 5" {
		t.Fatalf("Error: %s", got)
	}
}

func TestUnreachablePanics(t *testing.T) {
	v := violationOf(func() { Unreachable("kind %d", 9) })
	if v == nil || v.What != "unreachable: kind 9" {
		t.Fatalf("violation: %+v", v)
	}
}

// An actor keeps a recovered Violation as the cause of its failure.
func TestViolationSurvivesWrapping(t *testing.T) {
	cause := violationOf(func() { Check(false, "x") })
	var v *Violation
	if err := errors.Join(errors.New("engine failed"), cause); !errors.As(err, &v) || v != cause {
		t.Fatalf("not found in %v", err)
	}
}

func violationOf(f func()) (v *Violation) {
	defer func() {
		if r := recover(); r != nil {
			v = r.(*Violation)
		}
	}()
	f()
	return nil
}
