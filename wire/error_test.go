package wire

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"
)

func TestErrorsMatchTheirCode(t *testing.T) {
	err := fmt.Errorf("put: %w", Errorf(ErrKeyTooLarge, "the key has %d bytes", 70_000))
	if !errors.Is(err, ErrKeyTooLarge) || errors.Is(err, ErrValueTooLarge) {
		t.Error(err)
	}
	var e *Error
	if !errors.As(err, &e) || e.Hint == "" || e.Retry || e.Code.Name() != "KEY_TOO_LARGE" {
		t.Errorf("%+v", e)
	}
	if !Errorf(ErrConflict, "").Retry {
		t.Error("a conflict is not retryable")
	}
}

// A later server may have codes that this client does not know.
func TestUnknownCodesComeThrough(t *testing.T) {
	body := (&Error{Code: 7123, Message: "not the leader", Retry: true}).Append(nil)
	e, err := DecodeError(body)
	if err != nil || e.Code != 7123 || !e.Retry || e.Error() != "not the leader" || e.Code.Name() != "UNKNOWN" {
		t.Fatalf("%+v %v", e, err)
	}
}

func TestGeneratedFilesAreThoseOfTheTable(t *testing.T) {
	if out, err := exec.Command("go", "run", "./internal/gencodes", "--check").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
}
