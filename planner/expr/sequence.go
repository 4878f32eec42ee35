package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// Sequences give numbers to NEXTVAL and the like. Names are as they were written, perhaps with a schema.
type Sequences interface {
	// Next gives the next number of a sequence.
	Next(name string) (int64, error)
	// Current returns the number that Next has given last, of a sequence or, if the name is empty, of all of them.
	Current(name string) (int64, error)
	// Set has a sequence go on with n or, if that was given already, behind it.
	Set(name string, n int64, given bool) error
}

// sequence binds NEXTVAL, CURRVAL, LASTVAL and SETVAL.
func (b *Binder) sequence(c *call) (*Node, error) {
	if err := b.arguments(c, textType, intType, boolType); err != nil {
		return nil, err
	}
	return moody(unstable, c, intType, withEnv(func(f frame, args []catalog.Value) (catalog.Value, error) {
		s := f.env.Sequences
		if s == nil {
			return catalog.Null(), sqlstate.New(sqlstate.NotSupported, -1, "%s cannot be called here", c.name)
		}
		var n int64
		var err error
		switch c.name {
		case "nextval":
			n, err = s.Next(args[0].AsString())
		case "setval":
			n = args[1].AsInt()
			err = s.Set(args[0].AsString(), n, len(args) < 3 || args[2].AsBool())
		case "lastval":
			n, err = s.Current("")
		default:
			n, err = s.Current(args[0].AsString())
		}
		return catalog.Int(n), err
	}), c.args...), nil
}
