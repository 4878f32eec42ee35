package catalog

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
)

// MaxPrecision is how many digits a DECIMAL can have.
const MaxPrecision = 18

// A Type is what the values of a column are.
type Type struct {
	Kind             Kind
	Precision, Scale uint8  // Decimal: 1 to 18 digits, 0 to Precision of them behind the point
	Length           uint32 // String: how many characters there may be; 0: any number
}

// ParseType returns the type that SQL text names, in any case: INT, VARCHAR(20), TIMESTAMP WITH TIME ZONE and so on.
func ParseType(sql string) (Type, error) { return Type{}, errTODO }

// String returns the type as SQL writes it, in one of the ways in which ParseType reads it.
func (t Type) String() string { return "" }
