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
	ranges := []Range{{[]byte("b"), []byte("c"), 301}}
	fs, _ := build(t, WriterOptions{FileNum: 12, BloomBitsPerKey: -1}, kvs, ranges...)
	if got := readAll(t, fs); !bytes.Equal(got, want) {
		t.Fatalf("the writer makes\n%s\nthe specification says\n%s", hex.Dump(got), hex.Dump(want))
	}
	if failed, err := readDamaged(t, want, 12, kvs, ranges...); failed || err != nil {
		t.Fatalf("reading the example: failed %v, %v", failed, err)
	}
}

// version1 is a table that a program wrote which knew version 1 only: what the example has, without the
// range.
const version1 = `
	03 00 05 03 07
	61 70 70 6c 65 72 65 64
	04 04 01 00 2c 01 79
	00 00 00 00 00 00 00 65
	04 00 00 00 01 00 00 00
	24 00 00 00 00 d6 80 09 c2
	00 05 61 70 70 6c 79 2d
	08 00 00 00 00 b6 b2 69 77
	01 01 02 02 01 01 05 01 07 06 02 ac 02
	07 01 0a 08 01 03 09 01 01 0a 01 2d
	0b 01 00
	03 05 61 70 70 6c 65
	04 05 61 70 70 6c 79
	0c 05 62 79 74 65 73
	31 00 00 00 00 c6 40 6e 74
	02 2d 00 00 00 00 00 00 00 11 00 00 00
	03 3e 00 00 00 00 00 00 00 3a 00 00 00
	1a 00 00 00 00 7c 56 5a d1
	78 00 00 00 00 00 00 00 23 00 00 00
	0c 00 00 00 00 00 00 00 00 00 00 00
	01 00 00 00 6d 69 64 64 62 73 73 74
	bd 40 81 a9
`

func TestVersion1IsRead(t *testing.T) {
	p, err := hex.DecodeString(strings.Join(strings.Fields(version1), ""))
	if err != nil {
		t.Fatal(err)
	}
	kvs := []kv{
		{k: []byte("apple"), v: []byte("red"), t: key.MakeTrailer(7, key.KindPut)},
		{k: []byte("apply"), t: key.MakeTrailer(300, key.KindDelete)},
	}
	if failed, err := readDamaged(t, p, 12, kvs); failed || err != nil {
		t.Fatalf("failed %v, %v", failed, err)
	}
}
