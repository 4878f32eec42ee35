package levels

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
)

// A TableMeta is what the manifest knows of an sstable: enough to place it in a level, to plan
// compactions and to tell whether the file is the one that was written, without opening it.
type TableMeta struct {
	Num            uint64              // file number
	Size           int64               // bytes of the file
	Smallest       []byte              // first user key, or start of a range
	Largest        []byte              // last user key, or sstable.Range.Last of a range, inclusive
	MinSeq         uint64              // lowest sequence number of an entry or range
	MaxSeq         uint64              // highest sequence number of an entry or range
	Entries        int64               // entries of keys, tombstones included
	Tombstones     int64               // entries that are tombstones
	Ranges         int64               // range deletes
	Expiring       int64               // entries that are puts with an expiry
	EarliestExpiry int64               // the first of those, in nanoseconds since 1970; 0: nothing expires
	LatestExpiry   int64               // the last
	RawBytes       int64               // bytes of keys and values before compression
	Compression    sstable.Compression // what the writer was told to use
	Checksum       [16]byte            // xxh3-128 of the file
}

// An Added names a table that an edit puts into a level.
type Added struct {
	Level int
	TableMeta
}

// A Deleted names a table that an edit takes out of a level.
type Deleted struct {
	Level int
	Num   uint64
}

// An Identity is what the manifest keeps of the database as a whole.
type Identity struct {
	LogID     uint64 // random number given at creation, which the log's segments repeat
	Epoch     uint64 // counts restores and promotions; zero until then
	ClusterID uint64 // reserved for replication; zero
	NodeID    uint64 // reserved for replication; zero
}

// An Edit is a change from one Version to the next. The zero Edit changes nothing. A table that is
// deleted from one level and added to another in one edit moves; its file stays as it is.
type Edit struct {
	Deleted    []Deleted
	Added      []Added
	FlushedSeq uint64    // every commit up to here is in sstables; zero: unchanged
	Time       int64     // by which values have expired, in nanoseconds since 1970; zero: unchanged
	Trees      *Trees    // of B+Trees; nil: unchanged
	NextFile   uint64    // no file at or above this number was in use; zero: unchanged
	Identity   *Identity // set in the first record of a manifest; nil: unchanged
}

// Trees are where the B+Trees are that belong to the same commits as the sstables.
type Trees struct {
	File  uint64     // number of their file
	State page.State // that it is opened with
	Roots []bplustree.NumberedRoot
}

// The fields of an encoded edit. On disk; never renumber.
const (
	fieldEnd        = 0
	fieldNextFile   = 1
	fieldFlushedSeq = 2
	fieldIdentity   = 3
	fieldDeleted    = 4
	fieldAdded      = 5
	fieldTime       = 6
	fieldTrees      = 7
)

// Append appends the encoding of e to dst.
func (e *Edit) Append(dst []byte) []byte {
	if e.Identity != nil {
		dst = append(dst, fieldIdentity)
		for _, v := range []uint64{e.Identity.LogID, e.Identity.Epoch, e.Identity.ClusterID, e.Identity.NodeID} {
			dst = binary.LittleEndian.AppendUint64(dst, v)
		}
	}
	if e.NextFile != 0 {
		dst = binary.AppendUvarint(append(dst, fieldNextFile), e.NextFile)
	}
	if e.FlushedSeq != 0 {
		dst = binary.AppendUvarint(append(dst, fieldFlushedSeq), e.FlushedSeq)
	}
	if e.Time != 0 {
		dst = binary.AppendUvarint(append(dst, fieldTime), uint64(e.Time))
	}
	if e.Trees != nil {
		dst = e.Trees.append(dst)
	}
	for _, d := range e.Deleted {
		dst = append(dst, fieldDeleted, byte(d.Level))
		dst = binary.AppendUvarint(dst, d.Num)
	}
	for i := range e.Added {
		dst = e.Added[i].append(dst)
	}
	return append(dst, fieldEnd)
}

func (t *Trees) append(dst []byte) []byte {
	dst = append(dst, fieldTrees)
	for _, v := range []uint64{t.File, t.State.Generation, uint64(t.State.Next), uint64(t.State.FreeList), uint64(len(t.Roots))} {
		dst = binary.AppendUvarint(dst, v)
	}
	for _, r := range t.Roots {
		for _, v := range []uint64{uint64(r.Number), uint64(r.Page), r.Entries} {
			dst = binary.AppendUvarint(dst, v)
		}
	}
	return dst
}

func (a *Added) append(dst []byte) []byte {
	dst = append(dst, fieldAdded, byte(a.Level))
	for _, v := range []uint64{
		a.Num, uint64(a.Size), a.MinSeq, a.MaxSeq,
		uint64(a.Entries), uint64(a.Tombstones), uint64(a.Ranges), uint64(a.Expiring),
		uint64(a.EarliestExpiry), uint64(a.LatestExpiry), uint64(a.RawBytes),
	} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = append(dst, byte(a.Compression))
	dst = append(dst, a.Checksum[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(a.Smallest)))
	dst = append(dst, a.Smallest...)
	dst = binary.AppendUvarint(dst, uint64(len(a.Largest)))
	return append(dst, a.Largest...)
}

// maxBoundBytes is the length of the longest bound of a table: that of a range, just above the longest key.
const maxBoundBytes = key.MaxStoredKeyBytes + 1

// errEdit is the cause of every failure to decode an edit.
var errEdit = errors.New("edit does not decode")

// DecodeEdit decodes an edit that fills all of p. The edit does not alias p. It accepts nothing
// that Append would not write with a level out of range, an empty key or bounds out of order.
func DecodeEdit(p []byte) (Edit, error) {
	var e Edit
	d := decoder{p: p}
	for {
		switch f := d.byte(); {
		case d.bad:
			return Edit{}, fmt.Errorf("%w: cut short", errEdit)
		case f == fieldEnd:
			if len(d.p) != 0 {
				return Edit{}, fmt.Errorf("%w: %d bytes follow its end", errEdit, len(d.p))
			}
			return e, nil
		case f == fieldIdentity:
			e.Identity = &Identity{LogID: d.fixed(), Epoch: d.fixed(), ClusterID: d.fixed(), NodeID: d.fixed()}
		case f == fieldNextFile:
			e.NextFile = d.uvarint()
		case f == fieldFlushedSeq:
			e.FlushedSeq = d.uvarint()
			d.check(e.FlushedSeq <= key.MaxSeq)
		case f == fieldTime:
			e.Time = d.count()
			d.check(e.Time > 0)
		case f == fieldTrees:
			e.Trees = d.trees()
		case f == fieldDeleted:
			e.Deleted = append(e.Deleted, Deleted{Level: d.level(), Num: d.uvarint()})
		case f == fieldAdded:
			e.Added = append(e.Added, d.added())
		default:
			return Edit{}, fmt.Errorf("%w: unknown field %d", errEdit, f)
		}
		if d.bad {
			return Edit{}, fmt.Errorf("%w: %d bytes before its end", errEdit, len(d.p))
		}
	}
}

// A decoder takes fields off the front of p. After a failure bad is set and it returns zeros.
type decoder struct {
	p   []byte
	bad bool
}

func (d *decoder) check(ok bool) {
	if !ok {
		d.bad = true
	}
}

func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.p)) {
		d.bad = true
		return nil
	}
	out := d.p[:n]
	d.p = d.p[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) fixed() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	if d.bad {
		return 0
	}
	v, n := binary.Uvarint(d.p)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.p = d.p[n:]
	return v
}

// count decodes a number that must fit an int64.
func (d *decoder) count() int64 {
	v := d.uvarint()
	d.check(v < 1<<62)
	return int64(v & (1<<62 - 1))
}

// trees decodes where B+Trees are: numbers ascend, and every page is one of the file.
func (d *decoder) trees() *Trees {
	t := &Trees{File: d.uvarint(), State: page.State{Generation: d.uvarint(), Next: d.page(math.MaxUint32), FreeList: 0}}
	t.State.FreeList = d.page(t.State.Next)
	n := d.uvarint()
	d.check(t.File > 0 && t.State.Generation > 0 && t.State.Next > 0 && n <= uint64(len(d.p)))
	for last := int64(-1); n > 0 && !d.bad; n-- {
		number := d.uvarint()
		d.check(number <= math.MaxUint32 && int64(number) > last)
		last = int64(number)
		root := bplustree.Root{Page: d.page(t.State.Next), Entries: d.uvarint()}
		d.check(root.Page > 0 && root.Entries > 0)
		t.Roots = append(t.Roots, bplustree.NumberedRoot{Number: uint32(number), Root: root})
	}
	return t
}

// page decodes the number of a page below next, or 0.
func (d *decoder) page(next page.ID) page.ID {
	v := d.uvarint()
	d.check(v == 0 || v < uint64(next))
	return page.ID(v)
}

func (d *decoder) level() int {
	l := d.byte()
	d.check(l < NumLevels)
	return int(l)
}

func (d *decoder) key() []byte {
	n := d.uvarint()
	d.check(n > 0 && n <= maxBoundBytes)
	return append([]byte(nil), d.take(n)...)
}

func (d *decoder) added() Added {
	var a Added
	a.Level = d.level()
	a.Num = d.uvarint()
	a.Size = d.count()
	a.MinSeq = d.uvarint()
	a.MaxSeq = d.uvarint()
	a.Entries = d.count()
	a.Tombstones = d.count()
	a.Ranges = d.count()
	a.Expiring = d.count()
	a.EarliestExpiry = int64(d.uvarint())
	a.LatestExpiry = int64(d.uvarint())
	a.RawBytes = d.count()
	a.Compression = sstable.Compression(d.byte())
	copy(a.Checksum[:], d.take(16))
	a.Smallest = d.key()
	a.Largest = d.key()
	d.check(string(a.Smallest) <= string(a.Largest))
	d.check(a.MinSeq <= a.MaxSeq && a.MaxSeq <= key.MaxSeq)
	d.check(a.Entries+a.Ranges > 0 && a.Tombstones+a.Expiring <= a.Entries && a.EarliestExpiry <= a.LatestExpiry)
	return a
}

// String prints the edit on one line, as DumpManifest shows it.
func (e *Edit) String() string {
	var parts []string
	if id := e.Identity; id != nil {
		parts = append(parts, fmt.Sprintf("identity log=%016x epoch=%d cluster=%d node=%d",
			id.LogID, id.Epoch, id.ClusterID, id.NodeID))
	}
	if e.NextFile != 0 {
		parts = append(parts, fmt.Sprintf("next-file=%d", e.NextFile))
	}
	if e.FlushedSeq != 0 {
		parts = append(parts, fmt.Sprintf("flushed=%d", e.FlushedSeq))
	}
	if e.Time != 0 {
		parts = append(parts, "time="+time.Unix(0, e.Time).UTC().Format(time.RFC3339Nano))
	}
	if t := e.Trees; t != nil {
		parts = append(parts, fmt.Sprintf("trees=%d in %s pages=%d generation=%d", len(t.Roots), PagesName(t.File), t.State.Next, t.State.Generation))
	}
	for _, d := range e.Deleted {
		parts = append(parts, fmt.Sprintf("-L%d:%06d", d.Level, d.Num))
	}
	for i := range e.Added {
		parts = append(parts, fmt.Sprintf("+L%d:%s", e.Added[i].Level, e.Added[i].String()))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " ")
}

// String prints the table's number, bounds and counts.
func (m *TableMeta) String() string {
	s := fmt.Sprintf("%06d[%s .. %s] bytes=%d entries=%d tombstones=%d seq=%d-%d",
		m.Num, key.Format(m.Smallest), key.Format(m.Largest), m.Size, m.Entries, m.Tombstones, m.MinSeq, m.MaxSeq)
	if m.Ranges > 0 {
		s += fmt.Sprintf(" ranges=%d", m.Ranges)
	}
	if m.Expiring > 0 {
		s += fmt.Sprintf(" expiring=%d at=%s..%s", m.Expiring, key.FormatTime(m.EarliestExpiry), key.FormatTime(m.LatestExpiry))
	}
	return s
}
