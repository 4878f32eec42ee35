package isolation

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// registers are single keys that hold a number each, as linearizability is checked of them.
type registers interface {
	get(k string) (v int64, found bool, err error)
	getWithSeq(k string) (v int64, seq uint64, err error) // seq 0: not there
	put(k string, v int64) error
	del(k string) error
	putIfAbsent(k string, v int64) (done bool, err error)
	putIf(k string, v int64, seq uint64) (done bool, err error)
	// increment adds 1 in a transaction and returns the result; the first one puts fresh.
	increment(k string, fresh int64) (v int64, err error)
	flush() error
}

// An action is what a caller does to a register.
type action uint8

const (
	doGet action = iota
	doPut
	doDelete
	doPutIfAbsent
	doPutIf
	doIncrement
)

// A request is the input of an operation. Every number is put once, so it stands for its sequence number.
type request struct {
	action action
	key    string
	value  int64
	was    int64 // doPutIf: what the sequence number belonged to
}

// An answer is the output of an operation. A register that is not there has the number 0.
type answer struct {
	unknown bool // whether it has happened, and how
	done    bool // of doPutIfAbsent and doPutIf
	value   int64
}

// model is a register. An operation of unknown outcome never returns, so it may have any place after
// its call, also that after all others, where it means nothing that it has happened.
var model = porcupine.Model{
	Partition: byKey,
	Init:      func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		return step(state.(int64), input.(request), output.(answer))
	},
	DescribeOperation: func(input, output any) string { return describe(input.(request), output.(answer)) },
}

// step tells whether a register with the number v can answer so, and what its number is then.
func step(v int64, r request, a answer) (bool, int64) {
	switch r.action {
	case doGet:
		return a.value == v, v
	case doPut:
		return true, r.value
	case doDelete:
		return true, 0
	case doIncrement:
		next := v + 1
		if v == 0 {
			next = r.value
		}
		return a.unknown || a.value == next, next
	default:
		next, possible := v, v == r.was // r.was is 0 for doPutIfAbsent
		if possible {
			next = r.value
		}
		return a.unknown || a.done == possible, next
	}
}

func byKey(h []porcupine.Operation) [][]porcupine.Operation {
	keys := map[string][]porcupine.Operation{}
	for _, o := range h {
		k := o.Input.(request).key
		keys[k] = append(keys[k], o)
	}
	var parts [][]porcupine.Operation
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		parts = append(parts, keys[k])
	}
	return parts
}

func describe(r request, a answer) string {
	result := "unknown"
	switch {
	case a.unknown:
	case r.action == doGet, r.action == doIncrement:
		result = number64(a.value)
	case r.action == doPut, r.action == doDelete:
		result = "ok"
	case a.done:
		result = "done"
	default:
		result = "refused"
	}
	switch r.action {
	case doGet:
		return fmt.Sprintf("get %s -> %s", r.key, result)
	case doPut:
		return fmt.Sprintf("put %s %d -> %s", r.key, r.value, result)
	case doDelete:
		return fmt.Sprintf("delete %s -> %s", r.key, result)
	case doIncrement:
		return fmt.Sprintf("increment %s -> %s", r.key, result)
	case doPutIfAbsent:
		return fmt.Sprintf("put %s %d if absent -> %s", r.key, r.value, result)
	default:
		return fmt.Sprintf("put %s %d if it is the %s -> %s", r.key, r.value, number64(r.was), result)
	}
}

func number64(v int64) string {
	if v == 0 {
		return "nothing"
	}
	return fmt.Sprint(v)
}

// checkLinear returns an error if a history is not linearizable, with what could not be placed.
func checkLinear(h []porcupine.Operation) error {
	for _, part := range byKey(h) {
		result, info := porcupine.CheckOperationsVerbose(model, part, time.Minute)
		switch result {
		case porcupine.Ok:
		case porcupine.Unknown:
			return errors.New("a minute was not enough to decide whether the history is linearizable")
		default:
			return fmt.Errorf("the operations on %s have no order:\n%s", part[0].Input.(request).key, stuck(part, info))
		}
	}
	return nil
}

// stuck prints the longest order that was found, from near its end, and what comes next in time.
func stuck(part []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, l := range partition {
			if len(l) > len(longest) {
				longest = l
			}
		}
	}
	placed := map[[2]int64]bool{}
	for _, o := range longest {
		placed[[2]int64{o.Call, int64(o.ClientId)}] = true
	}
	var b strings.Builder
	write := func(o porcupine.Operation) {
		fmt.Fprintf(&b, "    caller %d, %d to %d: %s\n", o.ClientId, o.Call, o.Return, model.DescribeOperation(o.Input, o.Output))
	}
	b.WriteString("  in this order, to the last that could be placed\n")
	for _, o := range longest[max(0, len(longest)-10):] {
		write(o)
	}
	rest := slices.DeleteFunc(slices.Clone(part), func(o porcupine.Operation) bool {
		return placed[[2]int64{o.Call, int64(o.ClientId)}]
	})
	slices.SortFunc(rest, func(x, y porcupine.Operation) int { return int(min(x.Return, 1<<40) - min(y.Return, 1<<40)) })
	b.WriteString("  and these could not, the first by their returns\n")
	for _, o := range rest[:min(len(rest), 10)] {
		write(o)
	}
	return b.String()
}
