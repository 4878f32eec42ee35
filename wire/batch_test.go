package wire

import (
	"errors"
	"reflect"
	"testing"
)

func TestBatchReaderReadsWhatDecodeDoes(t *testing.T) {
	batch := Batch{Ops: []Op{
		{Kind: OpPut, Key: []byte("k"), Value: []byte("v"), Keyspace: "red", TTL: 5},
		{Kind: OpDelete, Key: []byte("k")},
		{Kind: OpDeleteRange, End: []byte("z")},
		{Kind: OpMerge, Key: []byte("k"), Operator: "append", Value: []byte{}},
	}, Keyspace: "blue", Txn: 7, Durability: NoSync}
	r, err := NewBatchReader(batch.Append(nil))
	if err != nil || r.Keyspace != "blue" || r.Txn != 7 || r.Durability != NoSync || r.Len() != 4 {
		t.Fatalf("%+v: %v", r, err)
	}
	var op Op
	for i := range batch.Ops {
		if more, err := r.Next(&op); !more || err != nil || !reflect.DeepEqual(op, batch.Ops[i]) {
			t.Errorf("operation %d is %+v: %v", i, op, err)
		}
	}
	if more, err := r.Next(&op); more || err != nil {
		t.Errorf("after the last one: %v, %v", more, err)
	}
	for _, bad := range []string{"\x90", "\xc0", "\x91\xc0", "\x92\x90\x07"} {
		if _, err := NewBatchReader([]byte(bad)); !errors.Is(err, ErrBadMessage) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if r, err = NewBatchReader([]byte("\x91\x91\x92\x09\xc4\x00")); err != nil {
		t.Fatal(err)
	}
	if _, err = r.Next(&op); !errors.Is(err, ErrBadMessage) {
		t.Errorf("an operation of an unknown kind: %v", err)
	}
}

// Without leave nothing is inflated.
func TestInflatingAsksForLeave(t *testing.T) {
	put := Put{Key: []byte("k"), Value: make([]byte, 50_000)}
	frame := new(Deflater).EndFrame(put.Append(BeginFrame(nil, TypePut, 0, 1)), 0)
	for _, refusal := range []error{nil, ErrLimit} {
		r := NewFrameReader(&oneRead{frame}, 1<<20)
		r.AllowCompression()
		asked := 0
		r.AdmitInflated(func(plain int) error {
			asked = plain
			return refusal
		})
		f, err := r.Next()
		if asked < 50_000 || asked > 50_100 || !errors.Is(err, refusal) || refusal == nil && len(f.Body) != asked {
			t.Errorf("it asked for %d, and returned %d bytes: %v", asked, len(f.Body), err)
		}
		if refusal != nil && r.Memory() > 5000 {
			t.Errorf("refused, it takes %d bytes", r.Memory())
		}
	}
}

type oneRead struct{ b []byte }

func (r *oneRead) Read(p []byte) (int, error) {
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}
