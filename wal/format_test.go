package wal

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/middb/middb/vfs"
)

// exampleSegment is the segment that the package comment shows.
func exampleSegment() []byte {
	e := NewEncoder(NewBlocks(1))
	e.Start(SegmentStart{
		Number: 7, LogID: 0x0123456789abcdef,
		Predecessor:    SegmentEnd{Number: 6, Length: 0x3000, LastSeq: 41, Checksum: 0xfedcba9876543210},
		ManifestNumber: 3, ManifestSynced: 0x200,
	})
	ops := AppendDelete(AppendPut(nil, []byte("ant"), []byte("red")), []byte("bee"))
	e.Begin(42, 2, 88, len(ops))
	e.Append(ops)
	e.End()
	e.Seal(88)
	return e.Take(nil)[0].Bytes()
}

func TestFormatExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, m := range regexp.MustCompile(`(?m)^//\t[0-9a-f]{4}  ((?:[0-9a-f]{2} )+)`).FindAllStringSubmatch(string(doc), -1) {
		text.WriteString(strings.ReplaceAll(m[1], " ", ""))
	}
	b, err := hex.DecodeString(text.String())
	if err != nil {
		t.Fatal(err)
	}
	if want := exampleSegment(); string(b) != string(want) {
		t.Fatalf("the example in doc.go is\n%sbut the encoder writes\n%s", hex.Dump(b), hex.Dump(want))
	}
	fs := vfs.NewMem()
	if err := fs.MkdirAll("wal"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, fs, "wal/000007.wal", b)
	var got []string
	st, err := Recover(fs, "wal", RecoverOptions{LogID: 0x0123456789abcdef, FlushedSeq: 41}, func(r Record) error {
		for p, seq := r.Ops, r.FirstSeq; len(p) > 0; seq++ {
			kind, k, v, rest, err := DecodeOp(p)
			if err != nil {
				return err
			}
			got = append(got, fmt.Sprintf("%d %v %s=%s", seq, kind, k, v))
			p = rest
		}
		return nil
	})
	if err != nil || !st.Clean || st.LastSeq != 43 {
		t.Fatalf("%+v, %v", st, err)
	}
	if want := "[42 put ant=red 43 delete bee=]"; fmt.Sprint(got) != want {
		t.Fatalf("%v, not %s", got, want)
	}
}
