package crash

import (
	"fmt"
	"math"
	"path"
	"testing"

	"github.com/middb/middb/vfs"
)

// A forgetful file system says that it synced what matches a pattern, and did not. Package planted
// plants the bugs that are not of the disk.
type forgetful struct {
	vfs.FS
	pattern string // of the base names of files, or of directories
}

func (f *forgetful) forgets(name string) bool {
	ok, err := path.Match(f.pattern, path.Base(name))
	return ok && err == nil
}

func (f *forgetful) Create(name string) (vfs.File, error) { return f.wrap(f.FS.Create(name)) }

func (f *forgetful) OpenReadWrite(name string) (vfs.File, error) {
	return f.wrap(f.FS.OpenReadWrite(name))
}

func (f *forgetful) SyncDir(name string) error {
	if f.forgets(name) {
		return nil
	}
	return f.FS.SyncDir(name)
}

func (f *forgetful) wrap(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &forgetfulFile{file, f}, nil
}

type forgetfulFile struct {
	vfs.File
	fs *forgetful
}

func (f *forgetfulFile) Sync() error     { return f.sync(f.File.Sync) }
func (f *forgetfulFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *forgetfulFile) sync(call func() error) error {
	if f.fs.forgets(f.Name()) {
		return nil
	}
	return call()
}

// The crash sweep must be able to fail: any kind of file or directory that is not synced is found.
func TestSkippedSyncsAreFound(t *testing.T) {
	for _, pattern := range []string{"*.wal", "*.sst", "MANIFEST-*", "CURRENT*", "db", "data"} {
		t.Run(pattern, func(t *testing.T) {
			sweep := newSweep(vfs.NewMem(), 1)
			sweep.nested = math.MaxInt
			failures, err := sweep.run(script[:5], func(fs vfs.FS) vfs.FS { return &forgetful{fs, pattern} })
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
