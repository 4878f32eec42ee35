package shell_test

import (
	"testing"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/cmd/middb/internal/shell/shelltest"
)

func TestStories(t *testing.T) {
	shelltest.Play(t, "testdata", func(*testing.T) shell.Store { return shell.NewMemory() })
}
