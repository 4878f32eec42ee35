package exec

import "github.com/middb/middb/catalog"

// restrict tells what is below that rows are needed only if a column is at least low and at most high, if a scan can make
// use of it. It holds until Reset.
func restrict(o Operator, column int, low, high catalog.Value) {
	switch o := unwrapped(o).(type) {
	case *scan:
		o.restrict(column, low, high)
	case *filter:
		restrict(o.input, column, low, high)
	case *pass:
		restrict(o.input, column, low, high)
	case *project:
		if at := o.places[column]; at >= 0 {
			restrict(o.input, at, low, high)
		}
	case *hashJoin:
		o.pass(column, low, high)
	}
}

// pass passes a restriction on to the probe side. Rows of it are given where they match, or with NULLs: nothing is lost if
// those are left out that nobody needs.
func (h *hashJoin) pass(column int, low, high catalog.Value) {
	j := h.joiner
	if column >= len(j.places) || j.keepBuild {
		return
	}
	at := j.places[column]
	if !j.probeLeft {
		at -= j.buildWidth
	}
	if at >= 0 && at < j.probeWidth {
		restrict(h.probe, at, low, high)
	}
}
