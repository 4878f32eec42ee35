package wal

import (
	"bytes"
	"errors"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

// Logs of valid chunks that no correct encoder writes: the checks behind the checksums.
func TestRecoverRefusesForgedLogs(t *testing.T) {
	for _, c := range []struct {
		name  string
		file  string
		forge func(l *testLog)
	}{
		{"gap in the sequence", "wal/000001.wal", func(l *testLog) {
			l.enc.lastSeq++
			l.put("b", "2")
			l.sync()
		}},
		{"seal of something else", "wal/000001.wal", func(l *testLog) {
			l.enc.sum++
			l.seal(false)
		}},
		{"seal with another sequence number", "wal/000001.wal", func(l *testLog) {
			l.enc.lastSeq++
			l.seal(false)
		}},
		{"synced beyond itself", "wal/000001.wal", func(l *testLog) {
			l.enc.synced = 1000
			l.put("b", "2")
			l.sync()
		}},
		{"successor names another checksum", "wal/000001.wal", func(l *testLog) {
			end := l.seal(false)
			end.Checksum++
			l.start(2, end)
			l.sync()
		}},
		{"successor names another sequence number", "wal/000001.wal", func(l *testLog) {
			end := l.seal(false)
			end.LastSeq++
			l.start(2, end)
			l.sync()
		}},
		{"successor names another length", "wal/000001.wal", func(l *testLog) {
			end := l.seal(false)
			end.Length -= chunkHeaderBytes + sealBytes
			l.start(2, end)
			l.sync()
		}},
		{"successor leaves a segment out", "wal/000003.wal", func(l *testLog) {
			end := l.seal(false)
			l.start(2, end)
			l.seal(false)
			l.start(3, end)
			l.sync()
		}},
		{"no predecessor named", "wal/000002.wal", func(l *testLog) {
			l.seal(false)
			l.start(2, SegmentEnd{LastSeq: 1})
			l.sync()
		}},
	} {
		fs := vfs.NewMem()
		l, _ := openLog(t, fs, 4096)
		l.put("a", "1")
		c.forge(l)
		_, _, err := collect(fs, RecoverOptions{})
		var ce *integrity.CorruptionError
		if !errors.As(err, &ce) || ce.File != c.file {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Blocks come back full of what they held before: the rest of a file block must be zeros anyway.
func TestEncoderClearsPadding(t *testing.T) {
	blocks := NewBlocks(1)
	for i := range blocks[0].buf {
		blocks[0].buf[i] = 0xff
	}
	e := NewEncoder(blocks)
	e.Start(SegmentStart{Number: 1})
	const left = minRoom - 1
	ops := make([]byte, fileBlockBytes-left-int(e.Offset())-chunkHeaderBytes-groupHeaderBytes)
	e.Begin(1, 1, 0, len(ops))
	e.Append(ops)
	e.End()
	b := e.Take(nil)[0].Bytes()
	if len(b) != fileBlockBytes || !bytes.Equal(b[fileBlockBytes-left:], make([]byte, left)) {
		t.Fatalf("%d bytes, ending in %x", len(b), b[len(b)-left:])
	}
}

func TestEncoderAllocatesNothing(t *testing.T) {
	e := NewEncoder(NewBlocks(4))
	e.Start(SegmentStart{Number: 1})
	op := AppendPut(nil, make([]byte, 16), make([]byte, 40<<10))
	out := make([]Range, 0, 8)
	if n := testing.AllocsPerRun(100, func() {
		e.Begin(e.LastSeq()+1, 1, e.Offset(), len(op))
		e.Append(op)
		e.End()
		out = e.Take(out[:0])
		for _, r := range out {
			if r.Last {
				e.Recycle(r.Block)
			}
		}
	}); n != 0 {
		t.Fatalf("%v allocations for each group", n)
	}
}
