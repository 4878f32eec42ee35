package ast

// An Operator stands between two expressions.
type Operator uint8

// The operators.
const (
	Or Operator = iota
	And
	Equal
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
	Distinct    // IS DISTINCT FROM
	NotDistinct // IS NOT DISTINCT FROM
	Concat
	Add
	Subtract
	Multiply
	Divide
	Modulo
	Field       // ->
	FieldText   // ->>
	Path        // #>
	PathText    // #>>
	Contains    // @>
	ContainedIn // <@
	HasKey      // ?
)

// A Precedence says how tightly an expression holds together; the higher, the tighter.
type Precedence uint8

// The precedences, those of PostgreSQL.
const (
	PrecedenceOr Precedence = iota + 1
	PrecedenceAnd
	PrecedenceNot
	PrecedenceIs      // IS NULL and the like, IS DISTINCT FROM
	PrecedenceCompare // none of these takes another one as an operand without parentheses: a = b = c is an error
	PrecedenceLike    // BETWEEN, IN, LIKE
	PrecedenceOther   // all operators that are not named here
	PrecedenceAdd
	PrecedenceMultiply
	PrecedenceSign
	PrecedenceCast
	PrecedencePrimary
)

var operators = [...]struct {
	sql        string
	precedence Precedence
}{
	Or:           {"OR", PrecedenceOr},
	And:          {"AND", PrecedenceAnd},
	Equal:        {"=", PrecedenceCompare},
	NotEqual:     {"<>", PrecedenceCompare},
	Less:         {"<", PrecedenceCompare},
	LessEqual:    {"<=", PrecedenceCompare},
	Greater:      {">", PrecedenceCompare},
	GreaterEqual: {">=", PrecedenceCompare},
	Distinct:     {"IS DISTINCT FROM", PrecedenceIs},
	NotDistinct:  {"IS NOT DISTINCT FROM", PrecedenceIs},
	Concat:       {"||", PrecedenceOther},
	Add:          {"+", PrecedenceAdd},
	Subtract:     {"-", PrecedenceAdd},
	Multiply:     {"*", PrecedenceMultiply},
	Divide:       {"/", PrecedenceMultiply},
	Modulo:       {"%", PrecedenceMultiply},
	Field:        {"->", PrecedenceOther},
	FieldText:    {"->>", PrecedenceOther},
	Path:         {"#>", PrecedenceOther},
	PathText:     {"#>>", PrecedenceOther},
	Contains:     {"@>", PrecedenceOther},
	ContainedIn:  {"<@", PrecedenceOther},
	HasKey:       {"?", PrecedenceOther},
}

// String returns the operator as SQL.
func (o Operator) String() string { return operators[o].sql }

// Precedence returns the precedence of the operator.
func (o Operator) Precedence() Precedence { return operators[o].precedence }

// Chains reports whether operators of its precedence can follow each other without parentheses; then the first binds
// tighter.
func (o Operator) Chains() bool {
	switch operators[o].precedence {
	case PrecedenceIs, PrecedenceCompare:
		return false
	default:
		return true
	}
}

// A Sign is what stands before one expression.
type Sign uint8

// The signs.
const (
	Not Sign = iota
	Minus
	Plus
)

// Precedence returns the precedence of an expression with the sign.
func (s Sign) Precedence() Precedence {
	if s == Not {
		return PrecedenceNot
	}
	return PrecedenceSign
}

// A Truth is what IS can test for.
type Truth uint8

// What IS can test for.
const (
	IsNull Truth = iota
	IsTrue
	IsFalse
	IsUnknown
)

// String returns the word of SQL.
func (t Truth) String() string { return [...]string{"NULL", "TRUE", "FALSE", "UNKNOWN"}[t] }
