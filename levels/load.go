package levels

import (
	"errors"
	"fmt"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// Load reads the state of the database that is in o.Dir and writes nothing. A read-only user goes
// on with it as it is; to change it, call CheckManifestAtLeast with what the log knows, and then
// Resume.
//
// Without a database it fails with ErrNotDatabase, with one from a newer program with
// ErrNewerFormat; what is damaged or missing is a *integrity.CorruptionError. It opens no sstable,
// but looks whether each has the size that it should have.
func Load(o Options) (*Set, error) {
	s := newSet(o)
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("load %s: %w", o.Dir, err)
	}
	return s, nil
}

func (s *Set) load() error {
	files, err := listFiles(s.o.FS, s.o.Dir)
	if vfs.IsNotExist(err) {
		return errors.Join(ErrNotDatabase, err)
	}
	if err != nil {
		return err
	}
	if files.current == 0 {
		if files.remains() {
			return integrity.Corrupt(s.o.Dir, -1, "it has files of a database and no CURRENT file")
		}
		return ErrNotDatabase
	}
	path := s.o.FS.Join(s.o.Dir, currentName(files.current))
	p, err := readSmall(s.o.FS, path, currentBytes)
	if err != nil {
		return err
	}
	cur, err := decodeCurrent(p, path, files.current)
	if err != nil {
		return err
	}
	s.curNum = cur.number
	if err := s.replay(cur); err != nil {
		return err
	}
	if !s.o.Salvage {
		if err := s.checkTables(); err != nil {
			return err
		}
	}
	s.sortOut(files, cur)
	return nil
}

// replay builds the Version from the manifest.
func (s *Set) replay(cur current) error {
	path := s.o.FS.Join(s.o.Dir, ManifestName(cur.manifest))
	tables := make(map[uint64]Added)
	length, torn, err := readManifest(s.o.FS, path, cur.manifest, func(e *Edit, start, _ int64) error {
		if (start == 0) != (e.Identity != nil) {
			return errors.New("the identity of the database is in the first record and nowhere else")
		}
		if e.FlushedSeq != 0 && e.FlushedSeq < s.flushed {
			return fmt.Errorf("flushed sequence number goes from %d to %d", s.flushed, e.FlushedSeq)
		}
		s.note(e)
		return e.replay(tables)
	})
	switch {
	case vfs.IsNotExist(err):
		return integrity.Corrupt(path, -1, "it is missing, and %s names it", currentName(cur.number))
	case err != nil:
		return err
	case length < cur.bytes:
		return integrity.Corrupt(path, length, "it ends here, and %s names %d bytes", currentName(cur.number), cur.bytes)
	}
	var levels [NumLevels][]*Table
	for _, a := range tables {
		levels[a.Level] = append(levels[a.Level], s.tables.NewTable(a.TableMeta))
	}
	for l, ts := range levels {
		sortLevel(l, ts)
	}
	v := newVersion(levels, nil, s.o.Released)
	if err := Check(v); err != nil {
		return integrity.Corrupt(path, -1, "%v", err)
	}
	s.loaded = ManifestState{Number: cur.manifest, Synced: length, Torn: torn}
	s.install(v)
	return nil
}

// replay brings the tables, by number, from before the edit to after it.
func (e *Edit) replay(tables map[uint64]Added) error {
	for _, d := range e.Deleted {
		if a, ok := tables[d.Num]; !ok || a.Level != d.Level {
			return fmt.Errorf("table %d is not in L%d", d.Num, d.Level)
		}
		delete(tables, d.Num)
	}
	for _, a := range e.Added {
		if _, ok := tables[a.Num]; ok {
			return fmt.Errorf("table %d is there already", a.Num)
		}
		tables[a.Num] = a
	}
	return nil
}

// checkTables looks whether the file of each table is there and has its size, and that of the pages is there.
func (s *Set) checkTables() error {
	if s.trees != nil {
		path := s.o.FS.Join(s.o.Dir, PagesName(s.trees.File))
		switch _, err := s.o.FS.Stat(path); {
		case vfs.IsNotExist(err):
			return integrity.Corrupt(path, -1, "it is missing, and the manifest names it")
		case err != nil:
			return err
		}
	}
	for _, ts := range s.current.Levels {
		for _, t := range ts {
			path := s.o.FS.Join(s.o.Dir, TableName(t.Num))
			info, err := s.o.FS.Stat(path)
			switch {
			case vfs.IsNotExist(err):
				return integrity.Corrupt(path, -1, "it is missing, and the manifest names it")
			case err != nil:
				return err
			case info.Size != t.Size:
				return integrity.Corrupt(path, -1, "it has %d bytes, the manifest says %d", info.Size, t.Size)
			}
		}
	}
	return nil
}

// sortOut notes the files that belong to nothing, and keeps clear of their numbers.
func (s *Set) sortOut(files dirFiles, cur current) {
	s.leftOver = []string{ManifestName(cur.manifest), currentName(cur.number)}
	keep := map[string]bool{s.leftOver[0]: true, s.leftOver[1]: true}
	if s.trees != nil {
		keep[PagesName(s.trees.File)] = true
	}
	for _, ts := range s.current.Levels {
		for _, t := range ts {
			keep[TableName(t.Num)] = true
		}
	}
	for _, name := range files.names {
		if !keep[name] {
			s.strays = append(s.strays, name)
		}
	}
	s.nextFile.Store(max(s.nextFile.Load(), files.nextFile, cur.manifest+1))
}

// CheckManifestAtLeast compares what was loaded with what the log says was once durable: manifest
// number, synced through length bytes. A manifest that is older or shorter has lost edits.
func (s *Set) CheckManifestAtLeast(number uint64, length int64) error {
	if s.loaded.Number > number || s.loaded.Number == number && s.loaded.Synced >= length {
		return nil
	}
	path := s.o.FS.Join(s.o.Dir, ManifestName(s.loaded.Number))
	return integrity.Corrupt(path, s.loaded.Synced, "it ends here, and the log says that manifest %d had %d bytes", number, length)
}

// Resume makes a loaded Set writable: it starts a new manifest, so that nothing is ever appended to
// one that a crash may have torn, and then removes the files in the directory that belong to
// nothing. It returns their names; a failure to remove one is left to the next time.
func (s *Set) Resume() (strays []string, err error) {
	if err := s.rotate(); err != nil {
		return nil, s.fail(fmt.Errorf("start manifest: %w", err))
	}
	for _, name := range s.strays {
		if s.o.FS.Remove(s.o.FS.Join(s.o.Dir, name)) == nil {
			strays = append(strays, name)
		}
	}
	s.strays = nil
	return strays, nil
}

// dirFiles is what a directory has of a database.
type dirFiles struct {
	names    []string // tables, pages, manifests and CURRENT files
	current  uint64   // highest number of a CURRENT file, 0 if there is none
	nextFile uint64   // above every number of a table, of pages and of a manifest
	tables   bool     // there is an sstable, or pages
	log      bool     // there is a log segment
}

func listFiles(fs vfs.FS, dir string) (dirFiles, error) {
	names, err := fs.List(dir)
	if err != nil {
		return dirFiles{}, err
	}
	var d dirFiles
	for _, name := range names {
		if _, ok := wal.ParseFileName(name); ok {
			d.log = true
			continue
		}
		if num, ok := ParseTableName(name); ok {
			d.tables = true
			d.nextFile = max(d.nextFile, num+1)
		} else if num, ok := ParsePagesName(name); ok {
			d.tables = true
			d.nextFile = max(d.nextFile, num+1)
		} else if num, ok := parsePrefixed(name, manifestPrefix, ManifestName); ok {
			d.nextFile = max(d.nextFile, num+1)
		} else if num, ok := parsePrefixed(name, currentPrefix, currentName); ok {
			d.current = max(d.current, num)
		} else if name != currentTemp {
			continue
		}
		d.names = append(d.names, name)
	}
	return d, nil
}

// remains reports whether there is more than what an unfinished Create leaves.
func (d *dirFiles) remains() bool { return d.current > 0 || d.tables || d.log }
