package levels

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync/atomic"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

const defaultManifestBytes = 4 << 20

// Options configure a Set. FS, Dir and Cache must be given.
type Options struct {
	FS            vfs.FS
	Dir           string
	Cache         *page.Cache
	ManifestBytes int64 // a manifest beyond this size, and twice its beginning, is replaced; 0: 4 MiB
	// Released is called when the last reference of a Version is gone, on the goroutine that gave
	// it back. It must make the owner of the Set call VersionReleased. nil: no files become obsolete.
	Released func(*Version)
	// Salvage loads also if files that the manifest names are missing, or have another size: to save what the others hold.
	Salvage bool
}

// A Set knows the current Version, writes the manifest and decides which files may go. It has one
// owner and is for one goroutine, except for NextFileNum; what it hands out is immutable.
//
// The Set holds one reference of the current Version and gives it back when Apply replaces that.
// Whoever publishes a Version to readers takes a reference first and gives it back after it has
// published the next one, so that no file goes that a published Version names.
type Set struct {
	o        Options
	tables   *Tables
	identity Identity
	current  *Version
	flushed  uint64
	time     int64
	trees    *Trees // nil: there are none
	nextFile atomic.Uint64
	nextID   uint64     // of the next Version
	live     []*Version // not yet released, oldest first
	zombies  []zombie   // tables that the current Version does not name, and an older one may
	claims   Claims

	m        *manifest // nil until Resume
	curNum   uint64    // number of the CURRENT file that counts
	failure  error     // sticky; the manifest on disk may have more than current
	loaded   ManifestState
	strays   []string // files in the directory that belong to nothing
	leftOver []string // the manifest and CURRENT file to remove once replaced
}

// A zombie is a table that Versions from since up to before gone name.
type zombie struct {
	num, since, gone uint64
	size             int64
}

// A ManifestState says how much of the manifest is durable. The log repeats it, so that a manifest
// which lost its end is noticed.
type ManifestState struct {
	Number uint64 // of the manifest
	Synced int64  // bytes of it that are durable
	Torn   bool   // an append behind that was under way at a crash; only after Load
}

func newSet(o Options) *Set {
	if o.ManifestBytes <= 0 {
		o.ManifestBytes = defaultManifestBytes
	}
	s := &Set{o: o, tables: NewTables(o.FS, o.Dir, o.Cache), nextID: 1}
	s.nextFile.Store(1)
	return s
}

// Create makes the files of an empty database in a directory that exists and has none.
func Create(o Options, id Identity) (*Set, error) {
	s := newSet(o)
	files, err := listFiles(o.FS, o.Dir)
	if err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	if files.remains() {
		return nil, fmt.Errorf("create database in %s: there is one already", o.Dir)
	}
	s.identity = id
	s.install(newVersion([NumLevels][]*Table{}, nil, o.Released))
	if err := s.rotate(); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	s.loaded = s.ManifestState()
	return s, nil
}

// Current returns the current Version.
func (s *Set) Current() *Version { return s.current }

// Tables returns the opener of the Set's tables.
func (s *Set) Tables() *Tables { return s.tables }

// Identity returns what the manifest says of the database as a whole.
func (s *Set) Identity() Identity { return s.identity }

// Time returns the time of the newest edit that has one, in nanoseconds since 1970: what had expired then stays so.
func (s *Set) Time() int64 { return s.time }

// Trees returns where the B+Trees of the commits through FlushedSeq are, nil if there are none. It must not be changed.
func (s *Set) Trees() *Trees { return s.trees }

// FlushedSeq returns the sequence number up to which every commit is in sstables.
func (s *Set) FlushedSeq() uint64 { return s.flushed }

// NextFileNum returns a file number that was never returned before. Any goroutine may call it.
func (s *Set) NextFileNum() uint64 { return s.nextFile.Add(1) - 1 }

// ManifestState returns what is durable of the manifest now.
func (s *Set) ManifestState() ManifestState {
	if s.m == nil {
		return s.loaded
	}
	return ManifestState{Number: s.m.num, Synced: s.m.w.Offset()}
}

// Apply makes the edit durable, then makes its result the current Version, and returns that. The
// files that it adds and their names must be durable. If it fails for want of space (vfs.ErrNoSpace)
// while Failure is nil, nothing has changed and Apply may be called again. After any other failure
// the disk may or may not have the edit, so the Set stays failed: its Version remains readable, no
// file may be deleted, and a restart decides.
func (s *Set) Apply(e Edit) (*Version, error) {
	if s.failure != nil {
		return nil, fmt.Errorf("apply edit: the manifest failed before: %w", s.failure)
	}
	invariant.Check(s.m != nil, "Apply before Resume or in a read-only Set")
	levels, err := s.next(&e)
	if err != nil {
		return nil, s.fail(fmt.Errorf("apply edit %s: %w", &e, err))
	}
	if s.m.w.Offset() > max(s.o.ManifestBytes, 2*s.m.base) {
		if err := s.renew(); err != nil {
			return nil, s.fail(fmt.Errorf("replace manifest: %w", err))
		}
	}
	e.NextFile = s.nextFile.Load()
	if err := s.m.w.Append(e.Append(nil)); err != nil {
		if errors.Is(err, vfs.ErrNoSpace) {
			return nil, fmt.Errorf("apply edit: %w", err)
		}
		return nil, s.fail(fmt.Errorf("apply edit: %w", err))
	}
	if err := s.m.f.SyncData(); err != nil {
		return nil, s.fail(fmt.Errorf("apply edit: sync manifest: %w", err))
	}
	s.note(&e)
	s.install(newVersion(levels, s.current, s.o.Released))
	return s.current, nil
}

// Failure returns why the Set takes no more edits, nil as long as it does.
func (s *Set) Failure() error { return s.failure }

func (s *Set) fail(err error) error {
	s.failure = err
	return err
}

// note takes over the numbers of an edit.
func (s *Set) note(e *Edit) {
	s.flushed = max(s.flushed, e.FlushedSeq)
	s.time = max(s.time, e.Time)
	if e.NextFile > s.nextFile.Load() {
		s.nextFile.Store(e.NextFile)
	}
	if e.Trees != nil {
		s.trees = e.Trees
	}
	if e.Identity != nil {
		s.identity = *e.Identity
	}
}

// next returns the levels after the edit. Levels that do not change share their memory.
func (s *Set) next(e *Edit) ([NumLevels][]*Table, error) {
	out := s.current.Levels
	var changed [NumLevels]bool
	edit := func(l int) {
		if !changed[l] {
			out[l], changed[l] = slices.Clone(out[l]), true
		}
	}
	if e.FlushedSeq != 0 && e.FlushedSeq < s.flushed {
		return out, fmt.Errorf("flushed sequence number goes from %d to %d", s.flushed, e.FlushedSeq)
	}
	moved := make(map[uint64]*Table)
	for _, d := range e.Deleted {
		i := slices.IndexFunc(out[d.Level], func(t *Table) bool { return t.Num == d.Num })
		if i < 0 {
			return out, fmt.Errorf("table %d is not in L%d", d.Num, d.Level)
		}
		edit(d.Level)
		moved[d.Num] = out[d.Level][i]
		out[d.Level] = slices.Delete(out[d.Level], i, i+1)
	}
	for i := range e.Added {
		a := &e.Added[i]
		edit(a.Level)
		t := moved[a.Num]
		if t == nil {
			t = s.tables.NewTable(a.TableMeta)
		}
		out[a.Level] = append(out[a.Level], t)
	}
	for l := range out {
		if !changed[l] {
			continue
		}
		sortLevel(l, out[l])
	}
	if err := Check(&Version{Levels: out}); err != nil {
		return out, err
	}
	return out, nil
}

// install makes v the current Version.
func (s *Set) install(v *Version) {
	v.id = s.nextID
	s.nextID++
	s.live = append(s.live, v)
	old := s.current
	s.current = v
	here := make(map[uint64]bool)
	for l, ts := range v.Levels {
		if old != nil && sameTables(old.Levels[l], ts) {
			continue
		}
		for _, t := range ts {
			here[t.Num] = true
			if t.since == 0 {
				t.since = v.id
			}
		}
	}
	if old == nil {
		return
	}
	for l, ts := range old.Levels {
		if sameTables(ts, v.Levels[l]) {
			continue
		}
		for _, t := range ts {
			if !here[t.Num] {
				s.zombies = append(s.zombies, zombie{num: t.Num, since: t.since, gone: v.id, size: t.Size})
			}
		}
	}
	old.Unref()
}

// Obsolete returns the number and size of the tables that are kept only for older Versions.
func (s *Set) Obsolete() (tables int, bytes int64) {
	for i := range s.zombies {
		bytes += s.zombies[i].size
	}
	return len(s.zombies), bytes
}

// VersionReleased takes note that the last reference of v is gone, and returns the tables that no
// live Version names any more. The caller gives them to Remove.
func (s *Set) VersionReleased(v *Version) []uint64 {
	i := slices.Index(s.live, v)
	invariant.Check(i >= 0 && v != s.current && v.refs.Load() == 0, "Version %d was released and is still in use", v.id)
	s.live = slices.Delete(s.live, i, i+1)
	var out []uint64
	s.zombies = slices.DeleteFunc(s.zombies, func(z zombie) bool {
		i := sort.Search(len(s.live), func(i int) bool { return s.live[i].id >= z.since })
		free := i == len(s.live) || s.live[i].id >= z.gone
		if free {
			out = append(out, z.num)
		}
		return free
	})
	return out
}

// Remove deletes the files of tables that VersionReleased returned. It goes on after a failure; a
// file that it leaves behind is removed when the database is opened the next time, so the caller
// only logs the error.
func (s *Set) Remove(nums []uint64) error { return s.tables.Remove(nums) }

// Claim lets a compaction run, unless what it was picked from has changed underneath or a running
// one is in its way. From then on the compaction is immutable; Release ends the claim.
func (s *Set) Claim(c *Compaction) bool {
	if !c.fits(s.current, s.claims) {
		return false
	}
	c.version = s.current
	s.claims = append(slices.Clone(s.claims), c)
	return true
}

// Release ends a claim, after the compaction's edit was applied or when it failed.
func (s *Set) Release(c *Compaction) {
	i := slices.Index(s.claims, c)
	invariant.Check(i >= 0, "release of a compaction that has no claim: %s", c)
	s.claims = slices.Delete(slices.Clone(s.claims), i, i+1)
}

// Claims returns the running compactions.
func (s *Set) Claims() Claims { return s.claims }

// snapshot returns the edit that leads from nothing to the present state.
func (s *Set) snapshot() *Edit {
	id := s.identity
	e := &Edit{Identity: &id, NextFile: s.nextFile.Load(), FlushedSeq: s.flushed, Time: s.time, Trees: s.trees}
	for l, ts := range s.current.Levels {
		for _, t := range ts {
			e.Added = append(e.Added, Added{Level: l, TableMeta: t.TableMeta})
		}
	}
	slices.SortFunc(e.Added, func(a, b Added) int {
		if a.Level != b.Level {
			return a.Level - b.Level
		}
		return bytes.Compare(a.Smallest, b.Smallest)
	})
	return e
}

// rotate starts a manifest with the present state.
func (s *Set) rotate() error {
	m, err := draftManifest(s.o.FS, s.o.Dir, s.NextFileNum(), s.snapshot())
	if err != nil {
		return err
	}
	return s.replace(m)
}

// renew is rotate, except that without space for the new files the old ones will do for a while.
func (s *Set) renew() error {
	m, err := draftManifest(s.o.FS, s.o.Dir, s.NextFileNum(), s.snapshot())
	if errors.Is(err, vfs.ErrNoSpace) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.replace(m)
	if s.m != m && errors.Is(err, vfs.ErrNoSpace) && !errors.Is(err, errSync) {
		// No CURRENT file names it. What cannot be removed is a stray at the next open.
		_ = s.o.FS.Remove(s.o.FS.Join(s.o.Dir, ManifestName(m.num)))
		return nil
	}
	return err
}

// replace makes m the manifest and removes the one before it.
func (s *Set) replace(m *manifest) error {
	if err := m.publish(s.o.FS, s.o.Dir, s.curNum+1); err != nil {
		return joinClose(err, m.f)
	}
	s.curNum++
	old := s.m
	s.m = m
	for _, name := range s.leftOver {
		// A file that stays behind is a stray at the next open.
		_ = s.o.FS.Remove(s.o.FS.Join(s.o.Dir, name))
	}
	s.leftOver = []string{ManifestName(m.num), currentName(s.curNum)}
	if old == nil {
		return nil
	}
	return old.f.Close()
}

// Close closes the manifest. The Version stays readable.
func (s *Set) Close() error {
	if s.m == nil {
		return nil
	}
	err := s.m.f.Close()
	s.m = nil
	s.failure = errors.New("closed")
	return err
}
