package crash

import (
	"fmt"
	"math"
	"testing"

	"github.com/middb/middb/vfs"
)

// forgetful returns a file system that says that it synced the files or directories whose base names
// match pattern, and did not. Package planted plants the bugs that are not of the disk.
func forgetful(fs vfs.FS, pattern string) vfs.FS {
	return vfs.NewFault(fs, vfs.Rule{
		Ops: vfs.OpSync | vfs.OpSyncData | vfs.OpSyncDir, Path: pattern, Sticky: true, Silent: true,
	})
}

// The crash sweep must be able to fail: any kind of file or directory that is not synced is found.
func TestSkippedSyncsAreFound(t *testing.T) {
	for _, pattern := range []string{"*.wal", "*.sst", "MANIFEST-*", "CURRENT*", "db", "data"} {
		t.Run(pattern, func(t *testing.T) {
			sweep := newSweep(vfs.NewMem(), 1)
			sweep.nested = math.MaxInt
			failures, err := sweep.run(script[:5], func(fs vfs.FS) vfs.FS { return forgetful(fs, pattern) })
			if err != nil {
				failures = append(failures, failure{err: err})
			}
			if len(failures) == 0 {
				t.Error("nothing was found")
				return
			}
			t.Logf("%d failures, as %s", len(failures), fmt.Sprintf("%.300v", failures[0].err))
		})
	}
}
