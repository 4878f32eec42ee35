package wire

// An OpKind is what an operation does. On the wire; never renumber.
type OpKind uint8

// The kinds, of operations of a [Batch] and of a [Change].
const (
	OpPut OpKind = iota + 1
	OpDelete
	OpDeleteRange
	OpMerge
)

// An Op is an operation of a [Batch].
type Op struct {
	Kind     OpKind
	Key      []byte // of a delete range its lower bound; nil: none
	Value    []byte // of a put, or the operand of a merge
	End      []byte // the upper bound of a delete range; nil: none
	Operator string // of a merge
	Keyspace string
	TTL      uint64 // of a put, in milliseconds; 0: it stays
}

// Append appends the operation as an element of a batch.
func (o *Op) Append(dst []byte) []byte {
	switch kind := num(uint64(o.Kind)); o.Kind {
	case OpPut:
		return appendTuple(dst, 3, kind, bin(o.Key), bin(o.Value), str(o.Keyspace), num(o.TTL))
	case OpDelete:
		return appendTuple(dst, 2, kind, bin(o.Key), str(o.Keyspace))
	case OpDeleteRange:
		return appendTuple(dst, 3, kind, optional(o.Key), optional(o.End), str(o.Keyspace))
	default:
		return appendTuple(dst, 4, kind, bin(o.Key), str(o.Operator), bin(o.Value), str(o.Keyspace))
	}
}

func (o *Op) decode(d *Decoder) error {
	t := d.tuple("an operation", 2)
	*o = Op{Kind: OpKind(t.uint8("the kind of an operation"))}
	switch o.Kind {
	case OpPut:
		o.Key, o.Value, o.Keyspace, o.TTL = t.needed("the key"), t.bytes("the value"), t.str("the keyspace"), t.uint("the time to live")
		if o.Value == nil && t.err == nil {
			return Errorf(ErrBadMessage, "a put without a value")
		}
	case OpDelete:
		o.Key, o.Keyspace = t.needed("the key"), t.str("the keyspace")
	case OpDeleteRange:
		o.Key, o.End, o.Keyspace = t.bytes("the lower bound"), t.bytes("the upper bound"), t.str("the keyspace")
	case OpMerge:
		o.Key, o.Operator, o.Value, o.Keyspace = t.needed("the key"), t.str("the operator"), t.bytes("the operand"), t.str("the keyspace")
		if o.Value == nil && t.err == nil {
			return Errorf(ErrBadMessage, "a merge without an operand")
		}
	default:
		if t.err == nil {
			return Errorf(ErrBadMessage, "an operation of the unknown kind %d", o.Kind)
		}
	}
	return t.end()
}

// Batch is operations that are applied together or not at all; in a transaction they become part of it.
type Batch struct {
	Ops        []Op
	Keyspace   string // of the operations that name none
	Txn        uint64
	Durability Durability
}

// Append appends the body.
func (m *Batch) Append(dst []byte) []byte {
	dst = AppendBatchHead(dst, len(m.Ops), m.Keyspace, m.Txn, m.Durability)
	for i := range m.Ops {
		dst = m.Ops[i].Append(dst)
	}
	return AppendBatchTail(dst, m.Keyspace, m.Txn, m.Durability)
}

// AppendBatchHead appends what comes before n operations that the caller appends next, to be followed by
// AppendBatchTail with the same arguments.
func AppendBatchHead(dst []byte, n int, keyspace string, txn uint64, d Durability) []byte {
	return AppendArray(AppendArray(dst, batchLen(keyspace, txn, d)), n)
}

// AppendBatchTail appends what comes after the operations.
func AppendBatchTail(dst []byte, keyspace string, txn uint64, d Durability) []byte {
	n := batchLen(keyspace, txn, d)
	if n > 1 {
		dst = AppendStr(dst, keyspace)
	}
	if n > 2 {
		dst = AppendUint(dst, txn)
	}
	if n > 3 {
		dst = AppendUint(dst, uint64(d))
	}
	return dst
}

func batchLen(keyspace string, txn uint64, d Durability) int {
	switch {
	case d != 0:
		return 4
	case txn != 0:
		return 3
	case keyspace != "":
		return 2
	default:
		return 1
	}
}

// Decode reads the body.
func (m *Batch) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("BATCH", 1)
	t.left--
	*m = Batch{Ops: make([]Op, d.Array("the operations"))}
	for i := range m.Ops {
		if err := m.Ops[i].decode(&d); err != nil {
			return err
		}
	}
	m.Keyspace, m.Txn, m.Durability = t.str("the keyspace"), t.uint("the transaction"), t.durability()
	return t.end()
}

// A BatchReader reads the body of a BATCH operation by operation, without memory for all of them.
type BatchReader struct {
	Keyspace   string // of the operations that name none
	Txn        uint64
	Durability Durability

	d    Decoder
	left int
}

// NewBatchReader returns a reader of a body that has passed [Validate].
func NewBatchReader(body []byte) (BatchReader, error) {
	d := NewDecoder(body)
	t := d.tuple("BATCH", 1)
	t.left--
	r := BatchReader{d: d}
	r.left = r.d.Array("the operations")
	d.Skip()
	r.Keyspace, r.Txn, r.Durability = t.str("the keyspace"), t.uint("the transaction"), t.durability()
	if err := t.end(); err != nil {
		return BatchReader{}, err
	}
	return r, r.d.Err()
}

// Len returns how many operations Next has not returned yet.
func (r *BatchReader) Len() int { return r.left }

// Next reads the next operation into op, whose slices alias the body; more is false at the end.
func (r *BatchReader) Next(op *Op) (more bool, err error) {
	if r.left == 0 {
		return false, nil
	}
	r.left--
	return true, op.decode(&r.d)
}
