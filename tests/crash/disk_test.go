package crash

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// readFile returns the content of a file.
func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil || size == 0 {
		return nil, err
	}
	p := make([]byte, size)
	_, err = f.ReadAt(p, 0)
	return p, err
}

// writeFile makes a file of that content, or replaces it.
func writeFile(fs vfs.FS, path string, p []byte) error {
	f, err := fs.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(p, 0)
	return err
}

// fingerprint tells disks with different files in the database's directory apart.
func fingerprint(disk *vfs.Mem) xxh3.Uint128 {
	h := xxh3.New()
	names, _ := disk.List(directory) // a directory that is not there yet is as an empty one
	for _, name := range names {
		if name == "LOCK" {
			continue
		}
		p, err := readFile(disk, disk.Join(directory, name))
		if err != nil {
			panic(err) // Mem does not fail
		}
		_, _ = h.WriteString(name)
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(p))))
		_, _ = h.Write(p)
	}
	return h.Sum128()
}

// verify checks every file of a database that is not open. One that is not there is in order.
func verify(disk vfs.FS) (levels.Report, error) {
	report, err := levels.Verify(disk, directory, nil)
	if errors.Is(err, levels.ErrNotDatabase) {
		return report, nil
	}
	if err = errors.Join(append(report.Problems, err)...); err != nil {
		return report, fmt.Errorf("verify the tables: %w", err)
	}
	set, err := levels.Load(levels.Options{FS: disk, Dir: directory})
	if err != nil {
		return report, err
	}
	o := wal.RecoverOptions{FlushedSeq: set.FlushedSeq(), LogID: set.Identity().LogID}
	if _, err := wal.Verify(disk, directory, o, nil); err != nil {
		return report, fmt.Errorf("verify the log: %w", err)
	}
	return report, nil
}

// keep saves the files of a disk if the environment asks for it, and returns where.
func keep(t *testing.T, disk *vfs.Mem, name string) string {
	root := os.Getenv("MIDDB_KEEP")
	if root == "" {
		return "set MIDDB_KEEP to a directory to save the files"
	}
	dir := filepath.Join(root, t.Name(), name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err.Error()
	}
	names, _ := disk.List(directory)
	for _, name := range names {
		p, err := readFile(disk, disk.Join(directory, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), p, 0o600)
		}
		if err != nil {
			return err.Error()
		}
	}
	return "files are in " + dir
}

// recovered opens a database and reads all of it.
func recovered(cfg engine.Config, keys int) (*engine.DB, contents, error) {
	db, err := engine.Spawn(cfg)
	if err != nil {
		return nil, nil, err
	}
	found, err := readAll(db, keys)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, found, nil
}

// firstLater is the number of the first commit that no script makes.
const firstLater = 1 << 30

// goOn writes to an open database that shows found, closes it, opens it again and expects everything
// to be there, and the files to be in order.
func goOn(disk vfs.FS, db *engine.DB, found contents) error {
	s := session{cfg: config(disk), db: db, journal: &journal{keys: len(found)}}
	want := found
	for i := range 4 {
		n := uint32(firstLater + i)
		c := &commit{number: n, writes: []write{{id: i}, {id: len(found) - 1 - i, deleted: i == 1}, {id: len(found) / 2}}}
		if err := s.give(c, []engine.Durability{engine.Sync, engine.NoSync}[i%2]); err != nil {
			return errors.Join(fmt.Errorf("write after recovery: %w", err), db.Close())
		}
		want = want.after(c)
	}
	if err := db.Close(); err != nil {
		return err
	}
	db, again, err := recovered(config(disk), len(found))
	if err != nil {
		return fmt.Errorf("open once more: %w", err)
	}
	// Once nothing is left to compact, no obsolete table is left either.
	if err := errors.Join(db.WaitIdle(context.Background()), db.Close()); err != nil {
		return err
	}
	for id := range want {
		if again[id] != want[id] {
			return fmt.Errorf("after writing and opening once more: %s is %d, not %d", keyOf(id), again[id], want[id])
		}
	}
	report, err := verify(disk)
	if err == nil && len(report.Strays) > 0 {
		err = fmt.Errorf("files that belong to nothing remain: %v", report.Strays)
	}
	return err
}
