package history

import "slices"

// inferOrders finds the order of the versions of every key: the longest list that was read, and
// beyond that the longest that a transaction left after it had read the list.
func (h *checker) inferOrders() {
	longest := map[string]reading{}
	for _, r := range h.readings {
		if l, ok := longest[r.key]; !ok || len(r.list) > len(l.list) {
			longest[r.key] = r
		}
	}
	for _, r := range h.readings {
		if l := longest[r.key]; !hasPrefix(l.list, r.list) {
			h.report(IncompatibleOrder, false, []int{r.txn, l.txn}, "%s saw %s = %v, but %s saw %v",
				h.txns[r.txn].Name, r.key, r.list, h.txns[l.txn].Name, l.list)
		}
	}
	lists := map[string][]int64{}
	for k, r := range longest {
		lists[k] = r.list
	}
	for _, v := range h.versions {
		if len(v.list) > len(lists[v.key]) && hasPrefix(v.list, lists[v.key]) {
			lists[v.key] = v.list
		}
	}
	for _, v := range h.versions {
		h.checkKept(v, lists[v.key])
	}
	h.orders = map[string][]element{}
	for k, list := range lists {
		for _, v := range list {
			h.orders[k] = append(h.orders[k], element{k, v})
		}
	}
}

// checkKept demands that a version is part of the order of its key.
func (h *checker) checkKept(v version, order []int64) {
	if hasPrefix(order, v.list) {
		return
	}
	at := 0
	for at < min(len(order), len(v.list)) && order[at] == v.list[at] {
		at++
	}
	took := []int{v.txn}
	instead := "the end"
	if at < len(order) {
		if w := h.writes[element{v.key, order[at]}]; w != nil {
			took, instead = append(took, w.txn), "an append of "+h.txns[w.txn].Name
		}
	}
	h.report(LostUpdate, false, took, "%s left %s = %v, but it became %v, with %s at index %d",
		h.txns[v.txn].Name, v.key, v.list, order, instead, at)
}

func hasPrefix(list, prefix []int64) bool {
	return len(list) >= len(prefix) && slices.Equal(list[:len(prefix)], prefix)
}
