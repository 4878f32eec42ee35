package exec

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// newAccumulator returns the accumulator of an aggregate function, and whether it sees rows in which an argument is NULL.
func newAccumulator(a *plan.Aggregation) (acc accumulator, nulls bool, err error) {
	kind := catalog.Kind(0)
	if len(a.Args) > 0 {
		kind = a.Args[0].Type.Kind
	}
	switch a.Function {
	case "count":
		return &counter{}, len(a.Args) == 0, nil
	case "sum", "avg":
		return newSum(kind, a.Function == "avg"), false, nil
	case "total":
		return &floatSums{total: true}, false, nil
	case "min", "max":
		return newLeast(kind, a.Function == "max"), false, nil
	case "any_value":
		return &leastValues{any: true}, false, nil
	case "bool_and", "every", "bit_and":
		return &bitwise{kind: kind, combine: andBits}, false, nil
	case "bool_or", "bit_or":
		return &bitwise{kind: kind, combine: orBits}, false, nil
	case "bit_xor":
		return &bitwise{kind: kind, combine: xorBits}, false, nil
	case "string_agg", "group_concat":
		return &joins{kind: a.Column.Type.Kind, append: appendSeparated}, false, nil
	case "json_agg":
		return &joins{kind: catalog.JSON, append: appendElement, open: "[", close: "]"}, true, nil
	case "json_object_agg":
		return &joins{kind: catalog.JSON, append: appendMember, open: "{ ", close: " }"}, true, nil
	}
	if s := newStatistics(a.Function); s != nil {
		return s, false, nil
	}
	return nil, false, sqlstate.New(sqlstate.UndefinedFunction, -1, "there is no aggregate function %s", a.Function)
}

func newSum(kind catalog.Kind, average bool) accumulator {
	switch kind {
	case catalog.Decimal:
		return &decimalSums{average: average}
	case catalog.Float64:
		return &floatSums{average: average}
	case catalog.Interval:
		return &intervalSums{average: average}
	default:
		return &intSums{average: average}
	}
}

func newLeast(kind catalog.Kind, most bool) accumulator {
	switch kind {
	case catalog.Int64, catalog.Bool, catalog.Date, catalog.Timestamp:
		return &leastInts{kind: kind, most: most}
	case catalog.Float64:
		return &leastFloats{most: most}
	case catalog.String, catalog.Bytes, catalog.UUID, catalog.JSON:
		return &leastTexts{kind: kind, most: most}
	default:
		return &leastValues{most: most}
	}
}

// ordersMatter reports whether the result of a function depends on the order of rows.
func ordersMatter(function string) bool {
	switch function {
	case "string_agg", "group_concat", "json_agg", "json_object_agg":
		return true
	default:
		return false
	}
}
