// Package registers decides whether what callers saw of single keys, each of which holds a number, is linearizable:
// whether one order of all operations on a key explains every answer and agrees with real time. Package
// porcupine does the search (https://github.com/anishathalye/porcupine).
//
// Tests of any package may call it. Its functions are pure.
package registers

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Never is when an operation returns whose effect, if it has one, may come at any time.
const Never = math.MaxInt64

// An Action is what a caller does to a register.
type Action uint8

// The actions.
const (
	Get Action = iota
	Put
	Delete
	PutIfAbsent
	PutIf
	Increment // adds 1 in a transaction; the first one puts Request.Value
)

// A Request is the input of an operation. Every number is put once, so it stands for its sequence number.
type Request struct {
	Action Action
	Key    string
	Value  int64
	Was    int64 // PutIf: what the sequence number belonged to
}

// An Answer is the output of an operation. A register that is not there has the number 0.
type Answer struct {
	// Unknown says that there was no answer: the operation has happened once between its call and its return, with
	// whatever result, or not at all.
	Unknown bool
	Done    bool // of PutIfAbsent and PutIf
	Value   int64
}

// An Operation is a call with a [Request] as input and an [Answer] as output.
type Operation = porcupine.Operation

var nondeterministic = porcupine.NondeterministicModel{
	Partition: byKey,
	Init:      func() []any { return []any{int64(0)} },
	Step: func(state, input, output any) []any {
		v, a := state.(int64), output.(Answer)
		possible, next := step(v, input.(Request), a)
		switch {
		case !possible:
			return nil
		case a.Unknown && next != v:
			return []any{v, next}
		default:
			return []any{next}
		}
	},
	DescribeOperation: func(input, output any) string { return describe(input.(Request), output.(Answer)) },
}

var model = nondeterministic.ToModel()

// step tells whether a register with the number v can answer so, and what its number is then.
func step(v int64, r Request, a Answer) (bool, int64) {
	switch r.Action {
	case Get:
		return a.Unknown || a.Value == v, v
	case Put:
		return true, r.Value
	case Delete:
		return true, 0
	case Increment:
		next := v + 1
		if v == 0 {
			next = r.Value
		}
		return a.Unknown || a.Value == next, next
	default:
		next, possible := v, v == r.Was // Was is 0 for PutIfAbsent
		if possible {
			next = r.Value
		}
		return a.Unknown || a.Done == possible, next
	}
}

func byKey(h []Operation) [][]Operation {
	keys := map[string][]Operation{}
	for _, o := range h {
		k := o.Input.(Request).Key
		keys[k] = append(keys[k], o)
	}
	var parts [][]Operation
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		parts = append(parts, keys[k])
	}
	return parts
}

func describe(r Request, a Answer) string {
	result := "unknown"
	switch {
	case a.Unknown:
	case r.Action == Get, r.Action == Increment:
		result = number(a.Value)
	case r.Action == Put, r.Action == Delete:
		result = "ok"
	case a.Done:
		result = "done"
	default:
		result = "refused"
	}
	switch r.Action {
	case Get:
		return fmt.Sprintf("get %s -> %s", r.Key, result)
	case Put:
		return fmt.Sprintf("put %s %d -> %s", r.Key, r.Value, result)
	case Delete:
		return fmt.Sprintf("delete %s -> %s", r.Key, result)
	case Increment:
		return fmt.Sprintf("increment %s -> %s", r.Key, result)
	case PutIfAbsent:
		return fmt.Sprintf("put %s %d if absent -> %s", r.Key, r.Value, result)
	default:
		return fmt.Sprintf("put %s %d if it is the %s -> %s", r.Key, r.Value, number(r.Was), result)
	}
}

func number(v int64) string {
	if v == 0 {
		return "nothing"
	}
	return fmt.Sprint(v)
}

// Check returns an error if a history is not linearizable, with what could not be placed, or if a minute is not enough
// to decide.
func Check(h []Operation) error {
	for _, part := range byKey(h) {
		result, info := porcupine.CheckOperationsVerbose(model, part, time.Minute)
		switch result {
		case porcupine.Ok:
		case porcupine.Unknown:
			return errors.New("a minute was not enough to decide whether the history is linearizable")
		default:
			return fmt.Errorf("the operations on %s have no order:\n%s", part[0].Input.(Request).Key, stuck(part, info))
		}
	}
	return nil
}

// stuck prints the longest order that was found, from near its end, and what comes next in time.
func stuck(part []Operation, info porcupine.LinearizationInfo) string {
	var longest []Operation
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
	write := func(o Operation) {
		fmt.Fprintf(&b, "    caller %d, %d to %d: %s\n", o.ClientId, o.Call, o.Return, model.DescribeOperation(o.Input, o.Output))
	}
	b.WriteString("  in this order, to the last that could be placed\n")
	for _, o := range longest[max(0, len(longest)-10):] {
		write(o)
	}
	rest := slices.DeleteFunc(slices.Clone(part), func(o Operation) bool {
		return placed[[2]int64{o.Call, int64(o.ClientId)}]
	})
	slices.SortFunc(rest, func(x, y Operation) int { return int(min(x.Return, 1<<40) - min(y.Return, 1<<40)) })
	b.WriteString("  and these could not, the first by their returns\n")
	for _, o := range rest[:min(len(rest), 10)] {
		write(o)
	}
	return b.String()
}
