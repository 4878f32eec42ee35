package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// sequence binds NEXTVAL, CURRVAL, LASTVAL and SETVAL. The name of the sequence is a text.
func (b *Binder) sequence(c *call) (*Node, error) {
	wanted := [...]catalog.Type{textType, intType, boolType}
	for i := range c.args {
		x, err := b.settle(c.args[i], wanted[i])
		if err != nil {
			return nil, err
		}
		if x.Type.Kind != wanted[i].Kind {
			return nil, wrongArgument(c, x, nameOf(wanted[i]))
		}
		c.args[i] = x
	}
	n := &Node{Op: OpCall, At: c.at, Name: c.name, Type: intType, Args: c.args, Volatile: true, moody: true}
	n.build = func(_ *Node, args []evaluator) evaluator {
		return func(f frame) (catalog.Value, error) {
			var values [len(wanted)]catalog.Value
			for i, a := range args {
				v, err := a(f)
				if err != nil || v.IsNull() {
					return catalog.Null(), err
				}
				values[i] = v
			}
			if f.env == nil || f.env.Sequences == nil {
				return catalog.Null(), sqlstate.New(sqlstate.NotSupported, c.at, "%s cannot be called here", c.name)
			}
			given := len(args) < len(wanted) || values[2].AsBool()
			return callSequence(f.env.Sequences, c.name, values[0].AsString(), values[1].AsInt(), given)
		}
	}
	return n, nil
}

func callSequence(s Sequences, function, name string, n int64, given bool) (catalog.Value, error) {
	var err error
	switch function {
	case "nextval":
		n, err = s.Next(name)
	case "setval":
		err = s.Set(name, n, given)
	default:
		n, err = s.Current(name)
	}
	if err != nil {
		return catalog.Null(), err
	}
	return catalog.Int(n), nil
}
