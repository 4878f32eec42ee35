package merge

import (
	"bytes"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/middb/middb/key"
)

func TestFormatExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, m := range regexp.MustCompile(`(?m)^//\t((?:[0-9a-f]{2} )+)`).FindAllStringSubmatch(string(doc), -1) {
		text.WriteString(strings.ReplaceAll(m[1], " ", ""))
	}
	list, err := hex.DecodeString(text.String())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Format(list), `"ab", append "c"`; got != want || CheckList(list) != nil || !Complete(list) {
		t.Fatalf("the example is %s, want %s", got, want)
	}
	want := AppendOperand(appendItem(nil, item{typ: itemValue, content: []byte("ab")}), Append, []byte("c"))
	if !bytes.Equal(list, want) {
		t.Fatalf("the example is %x, but %x is written", list, want)
	}
	var ops *Operators
	if v, present, err := ops.Resolve(nil, Entry{key.KindMerge, list}, 0); string(v) != "abc" || !present || err != nil {
		t.Fatalf("the example reads %q %v %v", v, present, err)
	}
}

// The numbers are on disk.
func TestItemBytes(t *testing.T) {
	for _, c := range []struct {
		it   item
		want string
	}{
		{item{typ: itemNothing}, "00"},
		{item{typ: itemValue, content: []byte("v")}, "01 01 76"},
		{item{typ: itemExpiring, content: key.AppendExpiring(nil, 0x0102, []byte("v"))}, "02 09 02 01 00 00 00 00 00 00 76"},
		{item{itemOperand, []byte("op"), []byte("v")}, "03 02 6f 70 01 76"},
		{item{typ: itemGivenUp}, "04"},
	} {
		b := appendItem(nil, c.it)
		if got, want := hex.EncodeToString(b), strings.ReplaceAll(c.want, " ", ""); got != want {
			t.Errorf("%v is written as %s, want %s", c.it, got, want)
		}
		items, err := parse(nil, b)
		if err != nil || len(items) != 1 || items[0].String() != c.it.String() || items[0].typ != c.it.typ {
			t.Errorf("%s reads %v, %v", c.want, items, err)
		}
	}
}

func TestBadListsAreRefused(t *testing.T) {
	operand := AppendOperand(nil, "op", []byte("value"))
	bad := map[string][]byte{
		"empty":            {},
		"unknown item":     {5},
		"base behind":      append(bytes.Clone(operand), itemNothing),
		"two bases":        {itemNothing, itemGivenUp},
		"empty name":       {itemOperand, 0, 0},
		"no room for name": {itemOperand, 3, 'a', 'b'},
		"no length":        {itemOperand, 2, 'a', 'b'},
		"long length":      {itemValue, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"half an expiry":   {itemExpiring, 3, 1, 2, 3},
	}
	for n := 1; n < len(operand); n++ {
		bad["the first bytes only: "+string(operand[:n])] = operand[:n]
	}
	for name, list := range bad {
		if err := CheckList(list); err == nil {
			t.Errorf("%s: %x is taken for a list", name, list)
		}
		if got := Format(list); !strings.HasPrefix(got, "malformed merge list") {
			t.Errorf("%s prints as %s", name, got)
		}
	}
}

func TestListsPrint(t *testing.T) {
	long := AppendOperand([]byte{itemNothing}, Append, bytes.Repeat([]byte("x"), 100))
	if got, want := Format(long), `nothing, append "`+strings.Repeat("x", 64)+`..."`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var many []byte
	for range 10 {
		many = AppendOperand(many, "a\n", []byte("b\x00"))
	}
	if got, want := Format(many), strings.Repeat(`a\n "b\x00", `, 8)+"and 2 more"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
