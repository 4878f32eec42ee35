package bind

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
)

// noName is what a column is called that has no name, as in PostgreSQL.
const noName = "?column?"

// outputName returns the name of a column that was given none.
func outputName(e ast.Expr) string {
	if name, _ := figured(e); name != "" {
		return name
	}
	return noName
}

// figured returns the name that follows from an expression, or nothing, and whether it is better than that of a type.
func figured(e ast.Expr) (name string, strong bool) {
	switch e := e.(type) {
	case *ast.Column:
		return e.Name, true
	case *ast.Call:
		return e.Name, true
	case *ast.Cast:
		if name, strong = figured(e.X); strong {
			return name, true
		}
		return typeName(e.Type.Kind), false
	case *ast.Case:
		if e.Else != nil {
			if name, strong = figured(e.Else); strong {
				return name, true
			}
		}
		return "case", false
	case *ast.Subquery:
		return firstName(e.Query.Body)
	case *ast.Exists:
		return "exists", true
	case *ast.Row:
		return "row", true
	case *ast.Interval:
		return "interval", false
	case *ast.Literal:
		switch e.Kind {
		case ast.Date:
			return "date", false
		case ast.Timestamp:
			return "timestamptz", false
		default:
		}
	}
	return "", false
}

// firstName returns the name of the first column of a query in an expression.
func firstName(body ast.Body) (string, bool) {
	for {
		switch b := body.(type) {
		case *ast.Query:
			body = b.Body
		case *ast.SetOperation:
			body = b.Left
		case *ast.Values:
			return columnName(0), true
		case *ast.Select:
			if len(b.Items) == 0 {
				return "", false
			}
			if b.Items[0].As != "" {
				return b.Items[0].As, true
			}
			return outputName(b.Items[0].Expr), true
		default:
			return "", false
		}
	}
}

// typeName returns the name of a type as PostgreSQL calls it within.
func typeName(k catalog.Kind) string {
	switch k {
	case catalog.Int64:
		return "int8"
	case catalog.Float64:
		return "float8"
	case catalog.Decimal:
		return "numeric"
	case catalog.Bool:
		return "bool"
	case catalog.String:
		return "text"
	case catalog.Bytes:
		return "bytea"
	case catalog.Date:
		return "date"
	case catalog.Timestamp:
		return "timestamptz"
	case catalog.UUID:
		return "uuid"
	case catalog.JSON:
		return "json"
	default:
		return "interval"
	}
}
