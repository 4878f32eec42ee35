package wal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// The bytes of an operation are on disk.
func TestOperationBytes(t *testing.T) {
	k := []byte("k")
	list := merge.AppendOperand(nil, merge.Append, []byte("c"))
	for _, c := range []struct {
		op   []byte
		want string
	}{
		{AppendDelete(nil, k), "00 01 6b"},
		{AppendPut(nil, k, []byte("vw")), "01 01 6b 02 76 77"},
		{AppendRangeDelete(nil, k, []byte("l")), "02 01 6b 01 6c"},
		{AppendMerge(nil, k, list), "03 01 6b 0a 03 06 61 70 70 65 6e 64 01 63"},
		{AppendPutWithExpiry(nil, k, 0x0102, []byte("v")), "04 01 6b 09 02 01 00 00 00 00 00 00 76"},
	} {
		if got, want := hex.EncodeToString(c.op), strings.ReplaceAll(c.want, " ", ""); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		kind, got, v, rest, err := DecodeOp(append(bytes.Clone(c.op), "rest"...))
		if err != nil || kind != key.Kind(c.op[0]) || string(got) != "k" || string(rest) != "rest" {
			t.Errorf("%x comes back as %v %q, %q left, %v", c.op, kind, got, rest, err)
		}
		if (v == nil) != (kind == key.KindDelete) {
			t.Errorf("%v has value %q", kind, v)
		}
	}
}

func TestBadOperationsAreRefused(t *testing.T) {
	long := bytes.Repeat([]byte("k"), key.MaxStoredKeyBytes+1)
	for name, op := range map[string][]byte{
		"nothing":              {},
		"a kind only":          {1},
		"an empty key":         AppendPut(nil, nil, []byte("v")),
		"a long key":           AppendDelete(nil, long),
		"a cut value":          AppendPut(nil, []byte("k"), []byte("value"))[:5],
		"no value":             {1, 1, 'k'},
		"an end at the start":  AppendRangeDelete(nil, []byte("k"), []byte("k")),
		"an end before it":     AppendRangeDelete(nil, []byte("k"), []byte("j")),
		"an empty end":         AppendRangeDelete(nil, []byte("k"), nil),
		"a long end":           AppendRangeDelete(nil, []byte("k"), long),
		"half an expiry":       append([]byte{4, 1, 'k', 7}, "1234567"...),
		"an empty merge list":  AppendMerge(nil, []byte("k"), nil),
		"an unknown item":      AppendMerge(nil, []byte("k"), []byte{9}),
		"a base in the middle": AppendMerge(nil, []byte("k"), []byte{0, 0}),
	} {
		if _, _, _, _, err := DecodeOp(op); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, _, _, err := DecodeOp([]byte{8, 1, 'k'}); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a kind from the future: %v", err)
	}
	for name, op := range map[string][]byte{
		"the longest key": AppendDelete(nil, long[1:]),
		"the longest end": AppendRangeDelete(nil, []byte("k"), long[1:]),
	} {
		if _, _, _, _, err := DecodeOp(op); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
