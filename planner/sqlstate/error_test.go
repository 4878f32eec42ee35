package sqlstate

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestErrorsSayWhatWhereAndWhatToDo(t *testing.T) {
	e := New(SyntaxError, 6, "no %s", "sense").WithHint("try %d", 1).In("größe + 1")
	if want := "no sense (SQLSTATE 42601, line 1, column 5); try 1"; e.Error() != want {
		t.Errorf("got %s, want %s", e, want)
	}
	if want := "LINE 1: größe + 1\n            ^\nHINT:  try 1"; e.Detail() != want {
		t.Errorf("got\n%s\nwant\n%s", e.Detail(), want)
	}
	if other := e.In("another text"); other != e {
		t.Error("the text was replaced")
	}
}

func TestErrorsMatchTheirCodeAndCause(t *testing.T) {
	e := New(OutOfRange, -1, "too much")
	e.Cause = io.ErrUnexpectedEOF
	err := fmt.Errorf("wrapped: %w", e)
	if !errors.Is(err, OutOfRange) || errors.Is(err, SyntaxError) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the error matches what it should not, or not what it should")
	}
	if want := "too much (SQLSTATE 22003)"; e.Error() != want || e.Detail() != "" {
		t.Errorf("got %s, %q", e, e.Detail())
	}
}

func TestLongLinesAreCut(t *testing.T) {
	e := New(SyntaxError, 500, "x").In(strings.Repeat("a", 500) + "b" + strings.Repeat("c", 500))
	line, caret, _ := strings.Cut(e.Detail(), "\n")
	if len(line) > 130 || line[len(caret)-1] != 'b' {
		t.Errorf("got\n%s", e.Detail())
	}
}

func TestPlacesOutsideTheTextAreNone(t *testing.T) {
	for _, at := range []int{-1, 4, 1 << 30} {
		if e := New(SyntaxError, at, "x").In("abc"); e.Detail() != "" || e.Error() != "x (SQLSTATE 42601)" {
			t.Errorf("%d: got %s, %q", at, e, e.Detail())
		}
	}
}
