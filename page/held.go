package page

import "slices"

// held are the generations that somebody needs, snapshots or checkpoints, and the pages that are kept for them. A page
// that was made in one generation and freed in a later one is needed by those from the first to before the second. It is
// kept with the newest of them; when that is let go, it goes on to the next older one that needs it, or can be recycled.
// So each page is looked at once for each generation that kept it, however many there are.
type held []heldGeneration // ascending

type heldGeneration struct {
	generation uint64
	holds      int
	freed      []freedPage
}

type freedPage struct {
	id   ID
	made uint64 // generation
}

// hold adds a hold of a generation, which is the newest or was held before.
func (h *held) hold(generation uint64) {
	i, found := h.find(generation)
	if !found {
		*h = slices.Insert(*h, i, heldGeneration{generation: generation})
	}
	(*h)[i].holds++
}

func (h *held) find(generation uint64) (int, bool) {
	return slices.BinarySearchFunc(*h, generation, func(g heldGeneration, of uint64) int {
		switch {
		case g.generation < of:
			return -1
		case g.generation > of:
			return 1
		}
		return 0
	})
}

// keep keeps a page that is freed in the present generation. It reports false if nobody needs it.
func (h *held) keep(p freedPage) bool { return h.keepBelow(len(*h), p) }

// keepBelow keeps a page with the newest of the first n generations, if that needs it.
func (h *held) keepBelow(n int, p freedPage) bool {
	if n == 0 || (*h)[n-1].generation < p.made {
		return false
	}
	(*h)[n-1].freed = append((*h)[n-1].freed, p)
	return true
}

// release takes a hold of a generation away, and calls recycle for the pages that nobody needs any more.
func (h *held) release(generation uint64, recycle func(ID)) {
	i, found := h.find(generation)
	if !found {
		return
	}
	g := &(*h)[i]
	if g.holds--; g.holds > 0 {
		return
	}
	for _, p := range g.freed {
		if !h.keepBelow(i, p) {
			recycle(p.id)
		}
	}
	*h = slices.Delete(*h, i, i+1)
}

// pages calls visit for all pages that are kept.
func (h held) pages(visit func(ID)) {
	for i := range h {
		for _, p := range h[i].freed {
			visit(p.id)
		}
	}
}
