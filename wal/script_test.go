package wal

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// The scripts under testdata tell what recovery makes of a log, story by story.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{mem: vfs.NewMem()}
		datadriven.RunTest(t, path, s.run)
	})
}

type script struct {
	mem *vfs.Mem
	l   *testLog
	out strings.Builder
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	s.command(t, d)
	if s.out.Len() == 0 {
		return "ok"
	}
	return s.out.String()
}

func (s *script) command(t *testing.T, d *datadriven.TestData) {
	switch d.Cmd {
	case "open":
		s.l, _ = reopenLog(t, s.mem, 4096, number(t, d, "flushed"))
	case "put":
		for _, line := range strings.Fields(d.Input) {
			k, v, _ := strings.Cut(line, "=")
			s.l.put(k, v)
		}
		s.l.write()
	case "group": // of operations of any kind, a line each
		var ops []byte
		lines := strings.Split(d.Input, "\n")
		for _, line := range lines {
			ops = appendLine(t, ops, strings.Fields(line))
		}
		s.l.group(uint32(len(lines)), ops)
		s.l.write()
	case "sync":
		s.l.sync()
	case "rotate":
		s.l.rotate()
		s.l.write()
	case "seal":
		s.l.seal(d.HasArg("trim"))
	case "delete-through":
		if err := s.l.w.DeleteThrough(number(t, d, "seq")); err != nil {
			t.Fatal(err)
		}
	case "crash":
		mode := vfs.LoseAll
		if d.HasArg("kill") {
			mode = vfs.KeepAll
		}
		s.mem = s.mem.CrashClone(nil, vfs.CrashOptions{Unsynced: mode})
	case "remove":
		if err := s.mem.Remove("wal/" + FileName(number(t, d, "segment"))); err != nil {
			t.Fatal(err)
		}
	case "flip", "zero":
		name := "wal/" + FileName(number(t, d, "segment"))
		b := readFile(t, s.mem, name)
		if at := number(t, d, "at"); d.Cmd == "flip" {
			b[at] ^= 1
		} else {
			clear(b[at:])
		}
		writeFile(t, s.mem, name, b)
	default:
		s.look(t, d)
	}
}

// look runs the commands that only print.
func (s *script) look(t *testing.T, d *datadriven.TestData) {
	switch d.Cmd {
	case "ls":
		names, err := s.mem.List("wal")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			info, err := s.mem.Stat(path.Join("wal", name))
			fmt.Fprintf(&s.out, "%s %d bytes %v\n", name, info.Size, err)
		}
	case "recover":
		o := RecoverOptions{LogID: testLogID, FlushedSeq: number(t, d, "flushed"), ReadOnly: true}
		st, err := Recover(s.mem, "wal", o, s.print)
		if err != nil {
			fmt.Fprintf(&s.out, "error: %v\n", err)
			return
		}
		fmt.Fprintf(&s.out, "last %d, clean %v, torn %d, next segment %d after %d\n", st.LastSeq, st.Clean, st.TornBytes, st.NextNumber, st.Predecessor.Number)
		for _, seg := range st.Segments {
			fmt.Fprintf(&s.out, "  segment %d length %d through %d abandoned %v\n", seg.Number, seg.Length, seg.LastSeq, seg.Abandoned)
		}
	case "salvage":
		rep, err := Salvage(s.mem, "wal", RecoverOptions{LogID: testLogID}, s.print)
		fmt.Fprintf(&s.out, "%d records, last %d, error %v\n", rep.Records, rep.LastSeq, err)
		for _, h := range rep.Holes {
			fmt.Fprintf(&s.out, "  hole in %s at %d after %d: %s\n", h.File, h.Offset, h.AfterSeq, h.Detail)
		}
	case "dump":
		if err := Dump(&s.out, s.mem, "wal/"+FileName(number(t, d, "segment")), true); err != nil {
			t.Fatal(err)
		}
	case "verify":
		rep, err := Verify(s.mem, "wal", RecoverOptions{LogID: testLogID, FlushedSeq: number(t, d, "flushed")}, nil)
		fmt.Fprintf(&s.out, "%d segments, %d records, %d operations, error %v\n", rep.Segments, rep.Records, rep.Ops, err)
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
}

func (s *script) print(r Record) error {
	_, k, v, _, err := DecodeOp(r.Ops)
	fmt.Fprintf(&s.out, "%d: %s=%s\n", r.FirstSeq, key.Format(k), key.Format(v))
	return err
}

// appendLine appends the operation that the words of a line name.
func appendLine(t *testing.T, dst []byte, f []string) []byte {
	k := []byte(f[1])
	switch f[0] {
	case "put":
		return AppendPut(dst, k, []byte(f[2]))
	case "delete":
		return AppendDelete(dst, k)
	case "range-delete":
		return AppendRangeDelete(dst, k, []byte(f[2]))
	case "count":
		n, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return AppendMerge(dst, k, merge.AppendOperand(nil, merge.Counter, merge.AppendCount(nil, n)))
	case "append":
		return AppendMerge(dst, k, merge.AppendOperand(nil, merge.Append, []byte(f[2])))
	case "put-until":
		at, err := time.Parse(time.RFC3339, f[2])
		if err != nil {
			t.Fatal(err)
		}
		return AppendPutWithExpiry(dst, k, at.UnixNano(), []byte(f[3]))
	default:
		t.Fatalf("unknown operation %s", f[0])
		return nil
	}
}

func number(t *testing.T, d *datadriven.TestData, name string) (n uint64) {
	d.MaybeScanArgs(t, name, &n)
	return n
}
