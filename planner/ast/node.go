package ast

// String returns the expression as SQL.
func (e *Literal) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Column) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Parameter) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Unary) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Binary) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Is) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Between) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *In) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Like) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Case) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Cast) String() string { return toString(e) }

// String returns the expression as SQL.
func (e *Call) String() string { return toString(e) }

func (e *Literal) precedence() Precedence   { return PrecedencePrimary }
func (e *Column) precedence() Precedence    { return PrecedencePrimary }
func (e *Parameter) precedence() Precedence { return PrecedencePrimary }
func (e *Unary) precedence() Precedence     { return e.Sign.Precedence() }
func (e *Binary) precedence() Precedence    { return e.Operator.Precedence() }
func (e *Is) precedence() Precedence        { return PrecedenceIs }
func (e *Between) precedence() Precedence   { return PrecedenceLike }
func (e *In) precedence() Precedence        { return PrecedenceLike }
func (e *Like) precedence() Precedence      { return PrecedenceLike }
func (e *Case) precedence() Precedence      { return PrecedencePrimary }
func (e *Cast) precedence() Precedence      { return PrecedencePrimary }
func (e *Call) precedence() Precedence      { return PrecedencePrimary }
