package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// A Kind is a family of types. The zero Kind is that of NULL. On disk; never renumber.
type Kind uint8

// The kinds.
const (
	Int64     Kind = 1
	Float64   Kind = 2
	Decimal   Kind = 3 // a whole number of units of 10^-scale, of up to 18 digits
	Bool      Kind = 4
	String    Kind = 5 // UTF-8
	Bytes     Kind = 6
	Date      Kind = 7 // days since 1970-01-01
	Timestamp Kind = 8 // microseconds since 1970-01-01 00:00 UTC
	UUID      Kind = 9
	JSON      Kind = 10 // its text as it was given
	Interval  Kind = 11 // months, days and microseconds; no column has it
)

// kinds says how SQL names each kind, and how values of it are stored.
var kinds = [...]struct {
	sql   string
	width int    // bytes of the slot; 0: any number
	given string // as errors name a value of it
}{
	0:         {"NULL", 0, ""},
	Int64:     {"BIGINT", 8, "integer"},
	Float64:   {"DOUBLE PRECISION", 8, "float"},
	Decimal:   {"DECIMAL", 8, "decimal"},
	Bool:      {"BOOLEAN", 8, "boolean"},
	String:    {"TEXT", 0, "text"},
	Bytes:     {"BYTEA", 0, "bytes"},
	Date:      {"DATE", 8, "date"},
	Timestamp: {"TIMESTAMPTZ", 8, "timestamp"},
	UUID:      {"UUID", 16, "uuid"},
	JSON:      {"JSON", 0, "json"},
	Interval:  {"INTERVAL", 0, "interval"},
}

// String returns the name of the kind in SQL, without any length or precision.
func (k Kind) String() string {
	if int(k) >= len(kinds) {
		return "KIND(" + strconv.Itoa(int(k)) + ")"
	}
	return kinds[k].sql
}

// known reports whether columns can be of this kind.
func (k Kind) known() bool { return k > 0 && k < Interval }

// width returns how many bytes the slot of the kind has in a row, or 0 if that depends on the value.
func (k Kind) width() int {
	if !k.known() {
		return 0
	}
	return kinds[k].width
}

// Textual reports whether the values of the kind have bytes, rather than a number alone.
func (k Kind) Textual() bool {
	return k == String || k == Bytes || k == UUID || k == JSON || k == Interval
}

// Numeric reports whether values of the kind are numbers, which compare with those of the other such kinds.
func (k Kind) Numeric() bool { return k == Int64 || k == Float64 || k == Decimal }

// Limits of types.
const (
	MaxPrecision = 18       // digits of a DECIMAL
	MaxLength    = 10485760 // the n of VARCHAR(n), as in PostgreSQL
)

// defaultScale is what DECIMAL without precision and scale has behind the point.
const defaultScale = 6

// A Type is what the values of a column are.
type Type struct {
	Kind             Kind
	Precision, Scale uint8  // Decimal: 1 to 18 digits, 0 to Precision of them behind the point
	Length           uint32 // String: how many characters there may be; 0: any number
}

// typeNames has the names of types in SQL, in upper case and with single spaces.
var typeNames = map[string]Kind{
	"BIGINT": Int64, "INT": Int64, "INTEGER": Int64, "SMALLINT": Int64, "TINYINT": Int64,
	"INT2": Int64, "INT4": Int64, "INT8": Int64, "INT64": Int64,
	"DOUBLE PRECISION": Float64, "DOUBLE": Float64, "REAL": Float64, "FLOAT": Float64,
	"FLOAT4": Float64, "FLOAT8": Float64, "FLOAT64": Float64,
	"DECIMAL": Decimal, "NUMERIC": Decimal, "DEC": Decimal,
	"BOOLEAN": Bool, "BOOL": Bool,
	"TEXT": String, "STRING": String, "VARCHAR": String, "CHARACTER VARYING": String, "CHAR": String, "CHARACTER": String,
	"BYTEA": Bytes, "BLOB": Bytes, "BYTES": Bytes,
	"DATE":        Date,
	"TIMESTAMPTZ": Timestamp, "TIMESTAMP": Timestamp, "TIMESTAMP WITH TIME ZONE": Timestamp,
	"TIMESTAMP WITHOUT TIME ZONE": Timestamp, "DATETIME": Timestamp,
	"UUID": UUID,
	"JSON": JSON, "JSONB": JSON,
}

// ParseType returns the type that SQL text names, in any case: INT, VARCHAR(20), TIMESTAMP WITH TIME ZONE and so on. All
// integers have 64 bits, CHAR(n) is VARCHAR(n), and a DECIMAL without precision is DECIMAL(18,6).
func ParseType(sql string) (Type, error) {
	name, args, err := splitType(sql)
	if err != nil {
		return Type{}, err
	}
	t := Type{Kind: typeNames[name]}
	most := 0
	switch {
	case t.Kind == 0:
		return Type{}, typeFault(sql, "there is none of this name")
	case t.Kind == Decimal:
		most = 2
	case t.Kind == String && name != "TEXT" && name != "STRING", name == "FLOAT", t.Kind == Timestamp:
		most = 1
	}
	if len(args) > most {
		return Type{}, typeFault(sql, "%s takes at most %d numbers in parentheses", name, most)
	}
	switch {
	case t.Kind == Decimal:
		t.Precision, t.Scale = MaxPrecision, defaultScale
		if len(args) > 0 {
			t.Precision, t.Scale = uint8(min(args[0], 255)), 0
		}
		if len(args) > 1 {
			t.Scale = uint8(min(args[1], 255))
		}
	case t.Kind == String && len(args) == 1:
		if t.Length = args[0]; t.Length == 0 {
			return Type{}, typeFault(sql, "the length must be at least 1")
		}
	case t.Kind == String && (name == "CHAR" || name == "CHARACTER"):
		t.Length = 1
	case t.Kind == Timestamp && len(args) == 1 && args[0] > 6:
		return Type{}, typeFault(sql, "the fraction of seconds has 6 digits")
	}
	if why := t.fault(); why != "" {
		return Type{}, typeFault(sql, "%s", why)
	}
	return t, nil
}

// typeFault returns the error for text that names no type.
func typeFault(sql, format string, args ...any) error {
	return &schemaError{why: fmt.Sprintf("type %q: ", sql) + fmt.Sprintf(format, args...)}
}

// splitType returns the name of a type, in upper case and with single spaces, and the numbers in parentheses, which may
// stand within the name.
func splitType(sql string) (name string, args []uint32, err error) {
	head, rest, found := strings.Cut(sql, "(")
	tail := ""
	if found {
		var list string
		if list, tail, found = strings.Cut(rest, ")"); !found {
			return "", nil, typeFault(sql, "a parenthesis is not closed")
		}
		for arg := range strings.SplitSeq(list, ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(arg), 10, 32)
			if err != nil {
				return "", nil, typeFault(sql, "%q should be a number", strings.TrimSpace(arg))
			}
			args = append(args, uint32(n))
		}
	}
	return strings.ToUpper(strings.Join(strings.Fields(head+" "+tail), " ")), args, nil
}

// String returns the type as SQL writes it, in one of the ways in which ParseType reads it.
func (t Type) String() string {
	switch {
	case t.Kind == Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case t.Kind == String && t.Length > 0:
		return fmt.Sprintf("VARCHAR(%d)", t.Length)
	default:
		return t.Kind.String()
	}
}

// fault says why a column cannot have the type, and nothing if it can.
func (t Type) fault() string {
	switch {
	case !t.Kind.known():
		return fmt.Sprintf("there is no type of kind %d", t.Kind)
	case t.Kind == Decimal && (t.Precision < 1 || t.Precision > MaxPrecision):
		return fmt.Sprintf("a DECIMAL has 1 to %d digits, not %d", MaxPrecision, t.Precision)
	case t.Kind == Decimal && t.Scale > t.Precision:
		return fmt.Sprintf("of %d digits, %d cannot be behind the point", t.Precision, t.Scale)
	case t.Kind != Decimal && (t.Precision > 0 || t.Scale > 0):
		return fmt.Sprintf("a %s has no precision", t.Kind)
	case t.Kind != String && t.Length > 0:
		return fmt.Sprintf("a %s has no length", t.Kind)
	case t.Length > MaxLength:
		return fmt.Sprintf("the length is at most %d; use TEXT", MaxLength)
	default:
		return ""
	}
}

// Key reports whether columns of the type can be in a key.
func (t Type) Key() bool { return t.Kind != JSON }

// storedAs reports whether values of both types are stored in the same way.
func (t Type) storedAs(u Type) bool { return t.Kind == u.Kind && t.Scale == u.Scale }

// has reports whether a value is one of the type, or NULL.
func (t Type) has(v Value) bool {
	if v.IsNull() {
		return true
	}
	c, why := cast(v, t)
	return why == "" && v.kind == t.Kind && v.scale == t.Scale && Compare(c, v) == 0
}

// widens reports whether every value of type u, as it was stored, can be read as one of t, provided that numbers fit:
// that whoever makes a decimal of an integer sees to.
func (t Type) widens(u Type) bool {
	switch {
	case t.Kind == u.Kind && t.Kind == String:
		return t.Length == 0 || u.Length != 0 && u.Length <= t.Length
	case t.Kind == u.Kind && t.Kind == Decimal:
		return t.Scale >= u.Scale && t.Precision-t.Scale >= u.Precision-u.Scale
	case t.Kind == u.Kind:
		return true
	default:
		return t.Kind == Float64 && u.Kind.Numeric() || t.Kind == Decimal && u.Kind == Int64
	}
}
