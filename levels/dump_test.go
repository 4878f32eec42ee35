package levels

import (
	"errors"
	"io"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

func TestDumpOfGarbageIsDamage(t *testing.T) {
	fs := vfs.NewMem()
	for _, content := range []string{"", "what is this, and how did it get here?"} {
		f, err := fs.Create("/MANIFEST-000001")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte(content), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := DumpManifest(io.Discard, fs, "/MANIFEST-000001"); !errors.Is(err, integrity.ErrCorruption) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
