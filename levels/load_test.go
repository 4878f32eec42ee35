package levels

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// writeFile makes a file with the content.
func writeFile(t *testing.T, fs vfs.FS, name string, p []byte) {
	t.Helper()
	f, err := fs.Create(fs.Join("db", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(p, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// docExamples returns the bytes of the hex dumps in doc.go, one slice for each dump.
func docExamples(t *testing.T) [][]byte {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, m := range regexp.MustCompile(`(?m)^//\t([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)`).FindAllSubmatch(text, -1) {
		p, err := hex.DecodeString(strings.ReplaceAll(string(m[2]), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if string(m[1]) == "0000" {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], p...)
	}
	return out
}

func TestFormatExample(t *testing.T) {
	dumps := docExamples(t)
	if len(dumps) != 2 || !bytes.Equal(dumps[0], exampleManifest(t)) {
		t.Fatalf("doc.go has %d dumps; the first should be\n%s", len(dumps), dump(exampleManifest(t)))
	}
	fs := newMem(t)
	writeFile(t, fs, ManifestName(3), dumps[0])
	var got []string
	length, torn, err := readManifest(fs, fs.Join("db", ManifestName(3)), 3, func(e *Edit, start, _ int64) error {
		got = append(got, fmt.Sprintf("%d %s", start, e))
		return nil
	})
	want := []string{
		"0 identity log=1122334455667788 epoch=1 cluster=0 node=0 next-file=4",
		"59 next-file=6 flushed=300 -L0:000004 +L6:000005[ab .. cd] bytes=4096 entries=2 tombstones=0 seq=299-300 expiring=1 at=1970-01-01T00:00:00.000001Z..1970-01-01T00:00:00.000001Z",
	}
	if err != nil || torn || length != int64(len(dumps[0])) || !slices.Equal(got, want) {
		t.Fatalf("read %d of %d bytes, %v\n%s", length, len(dumps[0]), err, strings.Join(got, "\n"))
	}
	example := current{number: 2, manifest: 3, bytes: 59}
	c, err := decodeCurrent(dumps[1], "CURRENT-000002", 2)
	if err != nil || c != example {
		t.Fatalf("decoded %+v, %v; the example is\n%s", c, err, dump(example.append(nil)))
	}
}

// dump formats bytes as doc.go shows them.
func dump(p []byte) string {
	var sb strings.Builder
	for i := 0; i < len(p); i += 16 {
		fmt.Fprintf(&sb, "//\t%04x  % x\n", i, p[i:min(i+16, len(p))])
	}
	return sb.String()
}

// exampleManifest returns the manifest that doc.go explains, as this program writes it.
func exampleManifest(t *testing.T) []byte {
	fs := newMem(t)
	f, err := fs.Create("db/" + ManifestName(3))
	if err != nil {
		t.Fatal(err)
	}
	w := wal.NewChunkWriter(f, 3, 0, 0)
	first := Edit{Identity: &testIdentity, NextFile: 4}
	second := Edit{NextFile: 6, FlushedSeq: 300, Deleted: []Deleted{{0, 4}}, Added: []Added{{lastLevel, TableMeta{
		Num: 5, Size: 4096, MinSeq: 299, MaxSeq: 300, Entries: 2, Expiring: 1, EarliestExpiry: 1000,
		LatestExpiry: 1000, RawBytes: 24, Compression: sstable.Zstd,
		Checksum: [16]byte{0xc0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Smallest: []byte("ab"), Largest: []byte("cd"),
	}}}}
	for _, p := range [][]byte{first.Append(manifestHeader()), second.Append(nil)} {
		if err := w.Append(p); err != nil {
			t.Fatal(err)
		}
	}
	p := make([]byte, w.Offset())
	if _, err := f.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

// writeManifest makes an empty manifest with a format version the one that counts.
func writeManifest(t *testing.T, fs vfs.FS, num uint64, version uint32) {
	f, err := fs.Create("db/" + ManifestName(num))
	if err != nil {
		t.Fatal(err)
	}
	w := wal.NewChunkWriter(f, num, 0, 0)
	header := binary.LittleEndian.AppendUint32([]byte(manifestMagic), version)
	if err := w.Append((&Edit{Identity: &testIdentity, NextFile: 4}).Append(header)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, fs, "CURRENT-000002", current{number: 2, manifest: num, bytes: w.Offset()}.append(nil))
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	fresh := func() (*vfs.Mem, *store) {
		fs := newMem(t)
		s := newStore(t, fs, newRand(t))
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		return fs, s
	}
	of := func(version uint32, p []byte) []byte {
		binary.LittleEndian.PutUint32(p[8:], version)
		return binary.LittleEndian.AppendUint32(p[:currentBytes-4], integrity.CRC(p[:currentBytes-4]))
	}
	cases := []struct {
		name  string
		spoil func(fs *vfs.Mem, s *store)
		want  error
		file  string
	}{
		{"missing table", func(fs *vfs.Mem, _ *store) { _ = fs.Remove("db/000002.sst") }, integrity.ErrCorruption, "db/000002.sst"},
		{"short table", func(fs *vfs.Mem, _ *store) { writeFile(t, fs, "000002.sst", []byte("x")) }, integrity.ErrCorruption, "db/000002.sst"},
		{"missing manifest", func(fs *vfs.Mem, _ *store) { _ = fs.Remove("db/MANIFEST-000001") }, integrity.ErrCorruption, "db/MANIFEST-000001"},
		{"missing CURRENT", func(fs *vfs.Mem, _ *store) { _ = fs.Remove("db/CURRENT-000001") }, integrity.ErrCorruption, "db"},
		{"bad highest CURRENT", func(fs *vfs.Mem, _ *store) { writeFile(t, fs, "CURRENT-000002", nil) }, integrity.ErrCorruption, "db/CURRENT-000002"},
		{"newer CURRENT", func(fs *vfs.Mem, _ *store) {
			c := current{number: 2, manifest: 1, bytes: 9}
			writeFile(t, fs, "CURRENT-000002", of(FormatVersion+1, c.append(nil)))
		}, ErrNewerFormat, ""},
		{"older CURRENT", func(fs *vfs.Mem, _ *store) {
			c := current{number: 2, manifest: 1, bytes: 9}
			writeFile(t, fs, "CURRENT-000002", of(1, c.append(nil)))
		}, ErrOlderFormat, ""},
		{"older manifest", func(fs *vfs.Mem, _ *store) { writeManifest(t, fs, 9, 1) }, ErrOlderFormat, ""},
		{"newer manifest", func(fs *vfs.Mem, _ *store) { writeManifest(t, fs, 9, FormatVersion+1) }, ErrNewerFormat, ""},
		{"manifest without a version", func(fs *vfs.Mem, _ *store) { writeManifest(t, fs, 9, 0) }, integrity.ErrCorruption, "db/MANIFEST-000009"},
		{"other manifest in its place", func(fs *vfs.Mem, _ *store) {
			if err := fs.Rename("db/MANIFEST-000001", "db/MANIFEST-000007"); err != nil {
				t.Fatal(err)
			}
			writeFile(t, fs, "CURRENT-000002", current{number: 2, manifest: 7, bytes: 50}.append(nil))
		}, integrity.ErrCorruption, "db/MANIFEST-000007"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fs, s := fresh()
			c.spoil(fs, s)
			_, err := Load(testOptions(fs))
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			var damage *integrity.CorruptionError
			if errors.As(err, &damage) && damage.File != c.file {
				t.Fatalf("blames %s, not %s", damage.File, c.file)
			}
		})
	}
	empty := newMem(t)
	if _, err := Load(testOptions(empty)); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := Load(Options{FS: empty, Dir: "none"}); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("no directory: %v", err)
	}
	writeFile(t, empty, ManifestName(1), []byte("unfinished"))
	if _, err := Load(testOptions(empty)); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("an unfinished creation: %v", err)
	}
	if _, err := Create(testOptions(empty), testIdentity); err != nil {
		t.Errorf("create after an unfinished creation: %v", err)
	}
	if _, err := Create(testOptions(empty), testIdentity); err == nil {
		t.Error("a database is created over another one")
	}
}

func TestReadOnlyLoadWritesNothing(t *testing.T) {
	mem := newMem(t)
	s := newStore(t, mem, newRand(t))
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, mem, "000099.sst", []byte("stray"))
	trace := vfs.NewTrace(mem, nil)
	set, err := Load(testOptions(trace))
	if err != nil {
		t.Fatal(err)
	}
	check(t, s.rng, set.Current(), s.model, s.now)
	if _, err := Verify(trace, "db", nil); err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if n := trace.Count(); n != 0 {
		t.Errorf("%d calls changed something", n)
	}
	set, err = Load(testOptions(mem))
	if err != nil {
		t.Fatal(err)
	}
	strays, err := set.Resume()
	if err != nil || !slices.Equal(strays, []string{"000099.sst"}) {
		t.Errorf("removed %v, %v", strays, err)
	}
	if n := set.NextFileNum(); n < 100 {
		t.Errorf("file number %d was used by a stray", n)
	}
}

func TestVerifyFindsEveryFlippedByte(t *testing.T) {
	rng := newRand(t)
	mem := newMem(t)
	s := newStore(t, mem, rng)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	table := s.set.Current().Levels[0][0]
	path := mem.Join("db", TableName(table.Num))
	f, err := mem.OpenReadWrite(path)
	if err != nil {
		t.Fatal(err)
	}
	for off := range table.Size {
		if rng.IntN(20) > 0 {
			continue
		}
		var b [1]byte
		_, _ = f.ReadAt(b[:], off)
		_, _ = f.WriteAt([]byte{b[0] ^ 0x10}, off)
		var last int64
		r, err := Verify(mem, "db", func(done, _ int64) { last = done })
		if err != nil || len(r.Problems) != 1 || !errors.Is(r.Problems[0], integrity.ErrCorruption) || last != table.Size {
			t.Fatalf("byte %d of %d: %+v, %v", off, table.Size, r, err)
		}
		_, _ = f.WriteAt(b[:], off)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(mem, "db", nil)
	if err != nil || len(r.Problems) != 0 || r.Tables != 1 || r.Entries != table.Entries {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestDumpManifestShowsEveryEdit(t *testing.T) {
	mem := newMem(t)
	s := newStore(t, mem, newRand(t))
	for range 2 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := DumpManifest(&out, mem, "db/MANIFEST-000001"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "identity") || !strings.Contains(lines[2], "+L0:000003") ||
		!strings.HasSuffix(lines[3], " end") {
		t.Errorf("dumped\n%s", out.String())
	}
	if err := DumpManifest(&out, mem, "db/000002.sst"); err == nil {
		t.Error("an sstable is dumped as a manifest")
	}
}
