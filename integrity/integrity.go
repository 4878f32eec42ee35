// Package integrity knows what makes bytes trustworthy: the checksums that every format of middb
// uses, and the one error that reports bytes which are not what was written.
//
// CRC-32C (Castagnoli, hardware-assisted) guards log chunks, sstable blocks and pages; xxh3-128
// identifies whole files.
package integrity

import (
	"errors"
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC returns the CRC-32C of p.
func CRC(p []byte) uint32 { return crc32.Update(0, castagnoli, p) }

// ExtendCRC returns the CRC-32C of q followed by p, where crc is that of q.
func ExtendCRC(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli, p) }

// ErrCorruption is matched by every [CorruptionError] under errors.Is.
var ErrCorruption = errors.New("corruption")

// A CorruptionError says that bytes on disk are not those that were written: which file, where in
// it, and what was wrong.
type CorruptionError struct {
	File   string // path or name of the damaged file
	Offset int64  // offset in bytes of the damaged unit; -1 when the whole file is meant
	Detail string // what was expected and what was found
}

// Corrupt returns a CorruptionError with a formatted detail.
func Corrupt(file string, offset int64, format string, args ...any) *CorruptionError {
	return &CorruptionError{File: file, Offset: offset, Detail: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *CorruptionError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%s is damaged: %s", e.File, e.Detail)
	}
	return fmt.Sprintf("%s is damaged at offset %d: %s", e.File, e.Offset, e.Detail)
}

// Is reports that a CorruptionError is an ErrCorruption.
func (e *CorruptionError) Is(target error) bool { return target == ErrCorruption }
