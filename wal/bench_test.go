package wal

import (
	"path/filepath"
	"testing"

	"github.com/middb/middb/vfs"
)

// One 120-byte operation in a group of its own, as a lone writer makes them; the blocks are taken and
// recycled as the log writer would.
func BenchmarkEncode(b *testing.B) {
	op := AppendPut(nil, make([]byte, 16), make([]byte, 100))
	op = append(op, 0)
	e := NewEncoder(NewBlocks(4))
	e.Start(SegmentStart{Number: 1})
	var out []Range
	seq := uint64(0)
	b.ReportAllocs()
	b.SetBytes(int64(len(op)))
	for b.Loop() {
		if e.BlocksNeeded(len(op)) > e.Free() {
			out = e.Take(out[:0])
			for _, r := range out {
				if r.Last {
					e.Recycle(r.Block)
				}
			}
		}
		seq++
		e.Begin(seq, 1, 0, len(op))
		e.Append(op)
		e.End()
	}
}

func BenchmarkDecodeOp(b *testing.B) {
	op := AppendPut(nil, make([]byte, 16), make([]byte, 100))
	for b.Loop() {
		if _, _, _, _, err := DecodeOp(op); err != nil {
			b.Fatal(err)
		}
	}
}

// A segment of groups of one 116-byte entry, and one of groups of 32, read from the page cache, every
// operation decoded.
func BenchmarkReplay(b *testing.B) {
	for _, c := range []struct {
		name string
		ops  int
	}{{"ops=1", 1}, {"ops=32", 32}} {
		b.Run(c.name, func(b *testing.B) {
			dir := filepath.Join(b.TempDir())
			fs := vfs.OS
			w := NewWriter(fs, dir, WriterOptions{})
			if err := w.Create(1); err != nil {
				b.Fatal(err)
			}
			e := NewEncoder(NewBlocks(4))
			e.Start(SegmentStart{Number: 1})
			var op []byte
			for range c.ops {
				op = AppendPut(op, make([]byte, 16), make([]byte, 100))
			}
			var out []Range
			for e.Offset() < 60<<20 {
				e.Begin(e.LastSeq()+1, uint32(c.ops), 0, len(op))
				e.Append(op)
				e.End()
				if out = e.Take(out[:0]); len(e.free) == 0 {
					b.Fatal("no free block")
				}
				if err := w.Write(out); err != nil {
					b.Fatal(err)
				}
				for _, r := range out {
					if r.Last {
						e.Recycle(r.Block)
					}
				}
			}
			e.Seal(0)
			if err := w.Write(e.Take(nil)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(e.Offset())
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				_, err := Recover(fs, dir, RecoverOptions{ReadOnly: true}, func(r Record) error {
					for p := r.Ops; len(p) > 0; n++ {
						var err error
						if _, _, _, p, err = DecodeOp(p); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil || uint64(n) != e.LastSeq() {
					b.Fatal(n, err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
