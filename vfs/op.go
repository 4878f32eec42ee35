package vfs

import (
	"fmt"
	"math/bits"
	"strings"
)

// OpKind is a set of the calls that FS and File have. Every constant below is one call.
type OpKind uint32

// The calls.
const (
	OpCreate OpKind = 1 << iota
	OpOpen          // Open and OpenReadWrite
	OpRemove
	OpRename
	OpMkdirAll
	OpList
	OpStat // Stat, and Size of a file
	OpSyncDir
	OpLock
	OpRead
	OpWrite
	OpSync
	OpSyncData
	OpStartWriteback
	OpAllocate
	OpTruncate
	OpClose

	// OpAny is every call.
	OpAny = 1<<iota - 1
	// OpMutating is every call that changes what is stored, or what of it a crash would keep.
	OpMutating = OpCreate | OpRemove | OpRename | OpMkdirAll | OpSyncDir | OpLock | OpWrite | OpSync |
		OpSyncData | OpAllocate | OpTruncate
)

var opNames = [...]string{
	"create", "open", "remove", "rename", "mkdirall", "list", "stat", "syncdir", "lock", "read", "write",
	"sync", "syncdata", "startwriteback", "allocate", "truncate", "close",
}

// String returns the names of the calls in the set, joined by "|".
func (k OpKind) String() string {
	var names []string
	for rest := uint32(k & OpAny); rest != 0; rest &= rest - 1 {
		names = append(names, opNames[bits.TrailingZeros32(rest)])
	}
	return strings.Join(names, "|")
}

// An Op is one call that changes what is stored, or what of it a crash would keep.
type Op struct {
	N       int64 // 1 for the first one
	Kind    OpKind
	Path    string
	NewPath string // rename: the new name
	Offset  int64  // write: where
	Length  int64  // write: how many bytes; allocate, truncate: the size
}

// String returns the operation on one line, as logs of failed tests show it.
func (op Op) String() string {
	s := fmt.Sprintf("%d: %v %s", op.N, op.Kind, op.Path)
	switch op.Kind {
	case OpRename:
		s += " to " + op.NewPath
	case OpWrite:
		s += fmt.Sprintf(" at %d, %d bytes", op.Offset, op.Length)
	case OpAllocate, OpTruncate:
		s += fmt.Sprintf(" to %d bytes", op.Length)
	default: // the path says it all
	}
	return s
}
