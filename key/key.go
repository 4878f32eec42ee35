// Package key defines what a key is inside middb: the user's bytes, and the trailer that says which
// commit wrote them and what it did.
//
// Every entry of the log, the memtable and the sstables is an internal key: the user key, then the
// trailer. Internal keys are ordered by user key ascending (bytes.Compare), then by trailer
// descending, so that the newest version of a user key comes first.
package key

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// A Kind says what an entry does to its user key. On disk; never renumber.
type Kind uint8

// The kinds. A range delete is an operation of the log and never the entry of a key, and so are the operations of
// B+Trees, whose entries are in pages: their keys are those that they would be stored under otherwise.
const (
	KindDelete        Kind = 0 // the key is gone: a tombstone
	KindPut           Kind = 1 // the key has the entry's value
	KindRangeDelete   Kind = 2 // all keys from the operation's key to its value, exclusive, are gone
	KindMerge         Kind = 3 // the value is a merge list: see package merge
	KindPutWithExpiry Kind = 4 // the value is an expiry and the key's value until then: see SplitExpiring
	KindTreePut       Kind = 5 // like a put, of an entry of a B+Tree
	KindTreeDelete    Kind = 6 // like a delete, of an entry of a B+Tree
	KindTreeClear     Kind = 7 // all entries of a B+Tree are gone: the key is what all of them begin with
)

// Known reports whether this version of middb can apply operations of kind k.
func (k Kind) Known() bool { return k <= KindTreeClear }

// Point reports whether k is a kind that the entry of a key can have.
func (k Kind) Point() bool { return k <= KindPutWithExpiry && k != KindRangeDelete }

// Tree reports whether k is a kind of operations of B+Trees.
func (k Kind) Tree() bool { return k >= KindTreePut && k <= KindTreeClear }

// expiryBytes is the length of the expiry before the value of a KindPutWithExpiry.
const expiryBytes = 8

// ExpiringBytes returns the length of the stored value of a KindPutWithExpiry whose value has n bytes.
func ExpiringBytes(n int) int { return expiryBytes + n }

// AppendExpiring appends to dst the stored value of a KindPutWithExpiry: v, which is gone from expiry on, in
// nanoseconds since 1970.
func AppendExpiring(dst []byte, expiry int64, v []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(expiry))
	return append(dst, v...)
}

// SplitExpiring takes the stored value of a KindPutWithExpiry apart. It reports false if that is too short.
func SplitExpiring(stored []byte) (expiry int64, v []byte, ok bool) {
	if len(stored) < expiryBytes {
		return 0, nil, false
	}
	return int64(binary.LittleEndian.Uint64(stored)), stored[expiryBytes:], true
}

// String returns the name of the kind as tools print it.
func (k Kind) String() string {
	switch k {
	case KindDelete:
		return "delete"
	case KindPut:
		return "put"
	case KindRangeDelete:
		return "range-delete"
	case KindMerge:
		return "merge"
	case KindPutWithExpiry:
		return "put-with-expiry"
	case KindTreePut:
		return "tree-put"
	case KindTreeDelete:
		return "tree-delete"
	case KindTreeClear:
		return "tree-clear"
	default:
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
}

// MaxSeq is the largest sequence number: they have 56 bits, so that a trailer fits a word.
const MaxSeq = 1<<56 - 1

// A Trailer packs a sequence number and a kind: seq<<8 | kind. Of two entries of one user key the
// one with the greater trailer is newer.
type Trailer uint64

// MakeTrailer packs a sequence number and a kind.
func MakeTrailer(seq uint64, k Kind) Trailer { return Trailer(seq<<8 | uint64(k)) }

// Seq returns the sequence number of the commit that wrote the entry.
func (t Trailer) Seq() uint64 { return uint64(t) >> 8 }

// Kind returns what the entry does.
func (t Trailer) Kind() Kind { return Kind(t & 0xff) }

// String prints the trailer as seq,kind.
func (t Trailer) String() string {
	return strconv.FormatUint(t.Seq(), 10) + "," + t.Kind().String()
}

// Limits on what a caller may store.
const (
	// MaxKeyBytes is the longest user key, in bytes. Keys are never empty.
	MaxKeyBytes = 64 << 10
	// MaxStoredKeyBytes is the longest key that is stored: a user key behind the prefix of its
	// keyspace, or a bound just above one.
	MaxStoredKeyBytes = MaxKeyBytes + 16
	// MaxValueBytes is the longest value, in bytes.
	MaxValueBytes = 256 << 20
	// MaxStoredValueBytes is the longest value that is stored: one with its expiry, or a merge list.
	MaxStoredValueBytes = MaxValueBytes + 64<<10
)

// SharedPrefix returns the length of the longest common prefix of a and b.
func SharedPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:])
		if x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// Head returns the first 8 bytes of k as a big-endian number, as if zero bytes followed k. Of two keys
// with different heads the one with the smaller head is the smaller.
func Head(k []byte) uint64 {
	if len(k) >= 8 {
		return binary.BigEndian.Uint64(k)
	}
	var w uint64
	for i, c := range k {
		w |= uint64(c) << (56 - 8*i)
	}
	return w
}

// Separator appends to dst a key k with a <= k < b, the shortest there is. It requires a < b. An
// empty b stands for the end of the key space.
func Separator(dst, a, b []byte) []byte {
	i := SharedPrefix(a, b)
	if i == len(a) {
		return append(dst, a...) // whatever is shorter than a prefix of b lies outside [a, b)
	}
	// One more than a's byte keeps the key below b where the two part, unless that is all of b;
	// in all later places b no longer matters.
	if i < len(b) && a[i]+1 == b[i] && i+1 == len(b) {
		i++
	}
	for i < len(a) && a[i] == 0xff {
		i++
	}
	// Incrementing the last byte of a would shorten nothing.
	if i >= len(a)-1 {
		return append(dst, a...)
	}
	dst = append(dst, a[:i+1]...)
	dst[len(dst)-1]++
	return dst
}

// Successor returns the smallest key that is greater than every key with prefix p, or nil when
// there is none because p is empty or all its bytes are 0xff. The result is a new slice.
func Successor(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			out := append([]byte(nil), p[:i+1]...)
			out[i]++
			return out
		}
	}
	return nil
}

// Format prints a key or value for people: printable ASCII as it is, a backslash or double quote
// with a backslash before it, newline, tab and carriage return as \n, \t and \r, and every other
// byte as \xNN. Different inputs print differently.
func Format(b []byte) string {
	var sb strings.Builder
	for _, c := range b {
		switch {
		case c == '\\' || c == '"':
			sb.WriteByte('\\')
			sb.WriteByte(c)
		case c == '\n':
			sb.WriteString(`\n`)
		case c == '\t':
			sb.WriteString(`\t`)
		case c == '\r':
			sb.WriteString(`\r`)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&sb, `\x%02x`, c)
		default:
			sb.WriteByte(c)
		}
	}
	return sb.String()
}

// FormatTime prints a time in nanoseconds since 1970, such as an expiry, for people.
func FormatTime(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }
