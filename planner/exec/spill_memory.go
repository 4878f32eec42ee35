package exec

// Whatever others keep, an operator may keep this part of the memory of a query, and at most so many bytes: or it would
// write row by row to its files.
const (
	leastShare     = 32
	mostLeastBytes = 1 << 20
)

// holding is what an operator keeps at the moment, as its budget knows it.
type holding struct {
	budget *budget
	least  int64
}

func (r *run) holding(budget *budget) holding {
	return holding{budget: budget, least: min(r.options.Memory/leastShare, mostLeastBytes)}
}

// fits notes that the operator keeps n bytes, and reports whether it may. If not it has to write them to a file.
func (h *holding) fits(n int64) bool {
	if h.budget.used >= n {
		h.budget.Shrink(h.budget.used - n)
		return true
	}
	if h.budget.Grow(n-h.budget.used) == nil {
		return true
	}
	h.force(n)
	return n <= h.least
}

// force notes that the operator keeps n bytes, whatever the limit.
func (h *holding) force(n int64) {
	if h.budget.used >= n {
		h.budget.Shrink(h.budget.used - n)
	} else {
		h.budget.Force(n - h.budget.used)
	}
}
