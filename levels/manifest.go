package levels

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// FormatVersion is the version of the database format that this program writes. It reads those from oldestFormat on:
// version 3 added B+Trees.
const (
	FormatVersion = 3
	oldestFormat  = 2
)

// Errors of Load and Create.
var (
	// ErrNotDatabase says that a directory has no database, nor the remains of one.
	ErrNotDatabase = errors.New("not a database")
	// ErrNewerFormat says that a newer version of middb wrote the database.
	ErrNewerFormat = errors.New("written by a newer version of middb")
	// ErrOlderFormat says that a version of middb wrote the database whose format is no longer read.
	ErrOlderFormat = errors.New("made by a pre-release of middb; export it with the program that made it")
)

const (
	manifestPrefix = "MANIFEST-"
	currentPrefix  = "CURRENT-"
	currentTemp    = "CURRENT.tmp"
	manifestMagic  = "middbman"
	currentMagic   = "middbcur"
	currentBytes   = 44
)

// ManifestName returns the name of manifest num, as MANIFEST-000003.
func ManifestName(num uint64) string { return fmt.Sprintf("%s%06d", manifestPrefix, num) }

// currentName returns the name of the n-th CURRENT file, as CURRENT-000001.
func currentName(n uint64) string { return fmt.Sprintf("%s%06d", currentPrefix, n) }

func parsePrefixed(name, prefix string, format func(uint64) string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	return parseNumber(digits, name, format)
}

// A current is the content of a CURRENT file: which manifest counts.
type current struct {
	number   uint64 // its own
	manifest uint64
	bytes    int64 // length of the manifest when this was written; all of that was synced
}

func (c current) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, currentMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, FormatVersion)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, c.number)
	dst = binary.LittleEndian.AppendUint64(dst, c.manifest)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(c.bytes))
	return binary.LittleEndian.AppendUint32(dst, integrity.CRC(dst[start:]))
}

// decodeCurrent decodes what was read from the file that has the name and the number.
func decodeCurrent(p []byte, name string, number uint64) (current, error) {
	switch {
	case len(p) != currentBytes:
		return current{}, integrity.Corrupt(name, int64(len(p)), "it has %d bytes instead of %d", len(p), currentBytes)
	case string(p[:8]) != currentMagic:
		return current{}, integrity.Corrupt(name, 0, "no CURRENT file: magic % x", p[:8])
	}
	if got, want := integrity.CRC(p[:currentBytes-4]), binary.LittleEndian.Uint32(p[currentBytes-4:]); got != want {
		return current{}, integrity.Corrupt(name, 0, "checksum %08x, want %08x", got, want)
	}
	if err := checkFormat(name, binary.LittleEndian.Uint32(p[8:])); err != nil {
		return current{}, err
	}
	c := current{
		number:   binary.LittleEndian.Uint64(p[16:]),
		manifest: binary.LittleEndian.Uint64(p[24:]),
		bytes:    int64(binary.LittleEndian.Uint64(p[32:])),
	}
	if c.number != number || c.bytes <= 0 {
		return current{}, integrity.Corrupt(name, 16, "it is number %d and names %d bytes", c.number, c.bytes)
	}
	return c, nil
}

// checkFormat verifies the format version of a file.
func checkFormat(name string, v uint32) error {
	why := ErrOlderFormat
	switch {
	case v >= oldestFormat && v <= FormatVersion:
		return nil
	case v == 0:
		return integrity.Corrupt(name, 0, "format version 0")
	case v > FormatVersion:
		why = ErrNewerFormat
	}
	return fmt.Errorf("%s has format version %d, this program reads %d: %w", name, v, FormatVersion, why)
}

// readSmall reads a whole file that should have no more than limit bytes; it reads one more at most.
func readSmall(fs vfs.FS, name string, limit int) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	p := make([]byte, limit+1)
	n, err := f.ReadAt(p, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return p[:n], joinClose(err, f)
}

// manifestHeader begins the first record of a manifest.
func manifestHeader() []byte {
	return binary.LittleEndian.AppendUint32([]byte(manifestMagic), FormatVersion)
}

// readManifest calls fn with every edit of a manifest, and the offset where the edit's record ends,
// and returns the length of what is valid and whether an append to it was torn. An error of fn says
// that the edit cannot follow those before it, and becomes damage at the record's offset.
func readManifest(fs vfs.FS, name string, num uint64, fn func(e *Edit, start, end int64) error) (length int64, torn bool, err error) {
	f, err := fs.Open(name)
	if err != nil {
		return 0, false, err
	}
	defer func() { err = joinClose(err, f) }()
	r, err := wal.NewChunkReader(f, num, 0)
	if err != nil {
		return 0, false, err
	}
	for first := true; ; first = false {
		record, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return length, false, nil
		case errors.Is(err, wal.ErrTorn):
			return length, true, nil
		case err != nil:
			return length, false, err
		}
		if first {
			if record, err = cutHeader(record, name); err != nil {
				return 0, false, err
			}
		}
		e, err := DecodeEdit(record)
		if err == nil {
			err = fn(&e, length, r.Offset())
		}
		if err != nil {
			return length, false, integrity.Corrupt(name, length, "%v", err)
		}
		length = r.Offset()
	}
}

// cutHeader checks the header of a manifest's first record and returns what follows it.
func cutHeader(record []byte, name string) ([]byte, error) {
	n := len(manifestMagic)
	if len(record) < n+4 || string(record[:n]) != manifestMagic {
		return nil, integrity.Corrupt(name, 0, "not a manifest: magic % x", record[:min(n, len(record))])
	}
	if err := checkFormat(name, binary.LittleEndian.Uint32(record[n:])); err != nil {
		return nil, err
	}
	return record[n+4:], nil
}

// A manifest is the one that is written to.
type manifest struct {
	num  uint64
	f    vfs.File
	w    *wal.ChunkWriter
	base int64 // length of its first record
}

// draftManifest writes the first record of a new manifest. Nothing counts on the file yet; after a
// failure it is removed if that can be done.
func draftManifest(fs vfs.FS, dir string, num uint64, snapshot *Edit) (*manifest, error) {
	path := fs.Join(dir, ManifestName(num))
	f, err := fs.Create(path)
	if err != nil {
		return nil, err
	}
	m := &manifest{num: num, f: f, w: wal.NewChunkWriter(f, num, 0, 0)}
	if err := m.w.Append(snapshot.Append(manifestHeader())); err != nil {
		return nil, errors.Join(err, f.Close(), fs.Remove(path))
	}
	m.base = m.w.Offset()
	return m, nil
}

// publish makes the manifest the one that counts: first it and its name are durable, then the
// CURRENT file that names it.
func (m *manifest) publish(fs vfs.FS, dir string, cur uint64) error {
	if err := m.f.Sync(); err != nil {
		return syncFailed(err)
	}
	if err := fs.SyncDir(dir); err != nil {
		return syncFailed(err)
	}
	return writeCurrent(fs, dir, current{number: cur, manifest: m.num, bytes: m.base})
}

// writeCurrent makes a CURRENT file appear whole: it is written under another name, and renamed once
// its content is durable.
func writeCurrent(fs vfs.FS, dir string, c current) error {
	temp := fs.Join(dir, currentTemp)
	f, err := fs.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(c.append(nil), 0)
	if err == nil {
		err = syncFailed(f.Sync())
	}
	if err = joinClose(err, f); err != nil {
		return err
	}
	if err := fs.Rename(temp, fs.Join(dir, currentName(c.number))); err != nil {
		return err
	}
	return syncFailed(fs.SyncDir(dir))
}

// errSync marks the failure of a sync, after which nobody knows what the disk holds.
var errSync = errors.New("sync failed")

func syncFailed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errSync, err)
}

// DumpManifest prints the edits of a manifest, one a line, each after the offset of its record.
func DumpManifest(w io.Writer, fs vfs.FS, path string) error {
	base := path[strings.LastIndexAny(path, `/\`)+1:]
	num, ok := parsePrefixed(base, manifestPrefix, ManifestName)
	if !ok {
		return fmt.Errorf("dump manifest: %s is not named as a manifest", path)
	}
	length, torn, err := readManifest(fs, path, num, func(e *Edit, start, _ int64) error {
		_, err := fmt.Fprintf(w, "%8d %s\n", start, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("dump manifest: %w", err)
	}
	if length == 0 { // a manifest is named by CURRENT only when its first record is durable
		return fmt.Errorf("dump manifest: %w", integrity.Corrupt(path, 0, "it has no valid first record"))
	}
	end := "end"
	if torn {
		end = "torn tail"
	}
	_, err = fmt.Fprintf(w, "%8d %s\n", length, end)
	return err
}
