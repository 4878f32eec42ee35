package sqlstate

// A Code is five characters that say what kind of error it is; the first two are its class. As an error it matches every
// [Error] with that code.
type Code string

// The codes that middb gives, named as in PostgreSQL. They are part of the protocol; never change them.
const (
	StringTooLong     Code = "22001"
	OutOfRange        Code = "22003"
	InvalidDatetime   Code = "22007"
	DatetimeOverflow  Code = "22008"
	SubstringError    Code = "22011"
	DivisionByZero    Code = "22012"
	NullNotAllowed    Code = "22004"
	FrameOffset       Code = "22013"
	Ntile             Code = "22014"
	NthValue          Code = "22016"
	IntervalOverflow  Code = "22015"
	InvalidLogarithm  Code = "2201E"
	InvalidBucket     Code = "2201G"
	InvalidRegexp     Code = "2201B"
	InvalidPower      Code = "2201F"
	BadCharacter      Code = "22021"
	InvalidParameter  Code = "22023"
	InvalidEscape     Code = "22025"
	InvalidText       Code = "22P02"
	GroupingError     Code = "42803"
	SyntaxError       Code = "42601"
	AmbiguousColumn   Code = "42702"
	UndefinedColumn   Code = "42703"
	UndefinedType     Code = "42704"
	UndefinedObject   Code = "42704"
	DatatypeMismatch  Code = "42804"
	CannotCast        Code = "42846"
	AmbiguousFunction Code = "42725"
	UndefinedFunction Code = "42883"
	UndefinedTable    Code = "42P01"
	NoParameter       Code = "42P02"
	WindowingError    Code = "42P20"
	UnknownType       Code = "42P18"
	NegativeLimit     Code = "2201W"
	NegativeOffset    Code = "2201X"
	NotSupported      Code = "0A000"
	OutOfMemory       Code = "53200"
	IOError           Code = "58030"
	TooLarge          Code = "54000"
	TooComplex        Code = "54001"
	InternalError     Code = "XX000"
	DuplicateAlias    Code = "42712"
	InvalidRecursion  Code = "42P19"
	TooManyColumns    Code = "54011"
)

// Error returns the code.
func (c Code) Error() string { return "SQLSTATE " + string(c) }
