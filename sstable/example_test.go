package sstable

import (
	"bytes"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/middb/middb/key"
)

// specExample returns the bytes of the hex example of doc.go: the lines that begin with a tab, an
// offset of four hex digits and two spaces.
func specExample(t *testing.T) []byte {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^//\t([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)`)
	var out []byte
	for _, l := range strings.Split(string(doc), "\n") {
		m := line.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		p, err := hex.DecodeString(strings.ReplaceAll(m[2], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p...)
	}
	return out
}

func TestFormatExample(t *testing.T) {
	kvs := []kv{
		{k: []byte("apple"), v: []byte("red"), t: key.MakeTrailer(7, key.KindPut)},
		{k: []byte("apply"), t: key.MakeTrailer(300, key.KindDelete)},
	}
	want := specExample(t)
	fs, _ := build(t, WriterOptions{FileNum: 12, BloomBitsPerKey: -1}, kvs)
	if got := readAll(t, fs); !bytes.Equal(got, want) {
		t.Fatalf("the writer makes\n%s\nthe specification says\n%s", hex.Dump(got), hex.Dump(want))
	}
	if failed, err := readDamaged(t, want, 12, kvs); failed || err != nil {
		t.Fatalf("reading the example: failed %v, %v", failed, err)
	}
}
