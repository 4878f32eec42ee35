package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
)

// sqlValues is one value of each form.
func sqlValues() []any {
	return []any{nil, int64(-1), int64(math.MaxInt64), uint64(math.MaxUint64), 1.5, true, false, "größe", []byte{0, 0xff}, ""}
}

func sqlExamples() []example {
	columns := []Column{
		{Name: "id", Type: "BIGINT", Kind: ColumnInt},
		{Name: "price", Type: "DECIMAL(10,2)", Kind: ColumnDecimal, Nullable: true, Digits: 10, Scale: 2},
		{Name: "name", Type: "VARCHAR(20)", Kind: ColumnText, Length: 20},
		{Name: "nothing", Type: "NULL", Kind: ColumnNull, Nullable: true},
	}
	rows := AppendArray(nil, 2)
	for _, row := range [][]any{{int64(1), "9.99", "pen", nil}, {int64(2), nil, "", nil}} {
		rows = appendArgs(rows, row)
	}
	return []example{
		{"exec", TypeExec, 0, 60, &Exec{SQL: "SELECT 1"}},
		{"exec with parameters", TypeExec, 0, 61, &Exec{SQL: "SELECT $1, $2", Args: sqlValues()}},
		{"exec in a transaction", TypeExec, 0, 62, &Exec{SQL: "SELECT 1", Txn: 3}},
		{"exec alone", TypeExec, AnyOrder, 63, &Exec{SQL: "SELECT 1", Flags: ExecAlone}},
		{"exec with everything", TypeExec, 0, 64, &Exec{SQL: "SELECT $1", Args: []any{int64(7)}, Txn: 3, Flags: ExecAlone, Credit: 9}},
		{"prepare", TypePrepare, 0, 65, &Prepare{SQL: "SELECT $1"}},
		{"reply to prepare", TypeOK, 0, 65, &PrepareReply{Statement: 1, Parameters: []string{"BIGINT", ""}, Columns: columns}},
		{"reply to prepare of what gives no rows", TypeOK, 0, 65, &PrepareReply{Statement: 2}},
		{"run", TypeRun, 0, 66, &Run{Statement: 1}},
		{"run with parameters", TypeRun, 0, 66, &Run{Statement: 1, Args: []any{nil, "x"}}},
		{"run with everything", TypeRun, 0, 67, &Run{Statement: 1, Args: []any{int64(7)}, Txn: 3, Credit: 9}},
		{"unprepare", TypeUnprepare, 0, 68, ptr(ID(1))},
		{"rowhead", TypeRowHead, More, 60, &RowHead{Columns: columns}},
		{"rows of a statement", TypeRows, More, 60, raw(rows)},
		{"end of a query", TypeEnd, 0, 60, &End{Rows: 2, Affected: 2, Tag: "SELECT 2"}},
		{"end with a notice", TypeEnd, 0, 61, &End{Tag: "COMMIT", Notices: []SQLNotice{{Code: "25P01", Message: "there is no transaction under way"}}}},
		{"error of a statement", TypeError, 0, 62, &errorMessage{&Error{
			Code: ErrSQLConstraint, Message: "the key is there", SQLState: "23505", Position: 8, Detail: "LINE 1: x\n        ^",
			Table: "t", Column: "id", Constraint: "t_pkey",
		}}},
	}
}

func TestValuesComeBack(t *testing.T) {
	var body []byte
	values := sqlValues()
	for _, v := range values {
		body = AppendValue(body, v)
	}
	body = append(body, 0xca, 0x3f, 0xc0, 0, 0) // 1.5 in 32 bits
	d := NewDecoder(body)
	for _, want := range append(values, 1.5) {
		if got := d.Value("it"); !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, want %#v", got, want)
		}
	}
	if d.Err() != nil {
		t.Error(d.Err())
	}
	if d = NewDecoder([]byte{0x90}); d.Value("it") != nil || !errors.Is(d.Err(), ErrBadMessage) {
		t.Errorf("an array is a value: %v", d.Err())
	}
}

func TestResultsAreReadRowByRow(t *testing.T) {
	body := AppendArray(nil, 3)
	body = appendArgs(body, []any{int64(1), "a"})
	body = appendArgs(body, nil)
	body = appendArgs(body, []any{[]byte("x")})
	r, err := NewResultReader(body)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]any
	for {
		row, more, err := r.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		rows = append(rows, row)
	}
	if want := [][]any{{int64(1), "a"}, nil, {[]byte("x")}}; !reflect.DeepEqual(rows, want) {
		t.Errorf("got %v, want %v", rows, want)
	}
	if r, err = NewResultReader([]byte{0x91, 1}); err != nil {
		t.Fatal(err)
	}
	if _, more, err := r.Next(nil); more || !errors.Is(err, ErrBadMessage) {
		t.Errorf("a row that is no array: %v, %v", more, err)
	}
}

// FuzzStatements has the decoders of SQL read anything, and what they accept comes back as it was read.
func FuzzStatements(f *testing.F) {
	for _, e := range sqlExamples() {
		f.Add(e.message.Append(nil))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if Validate(body) != nil {
			return
		}
		for _, m := range []interface {
			message
			decodable
		}{&Exec{}, &Prepare{}, &PrepareReply{}, &Run{}, &RowHead{}} {
			if m.Decode(body) != nil {
				continue
			}
			short := m.Append(nil)
			if err := m.Decode(short); err != nil {
				t.Fatalf("%T: what it wrote it does not read: %v", m, err)
			}
			if again := m.Append(nil); !bytes.Equal(again, short) {
				t.Fatalf("%T: %x became %x", m, short, again)
			}
		}
		r, err := NewResultReader(body)
		for more := err == nil; more; {
			_, more, _ = r.Next(nil)
		}
	})
}
