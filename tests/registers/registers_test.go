package registers

import "testing"

// What the model makes of small histories.
func TestModelOfRegisters(t *testing.T) {
	op := func(r Request, a Answer, call, end int64) Operation {
		r.Key = "r"
		return Operation{Input: r, Output: a, Call: call, Return: end}
	}
	put := func(v, call, end int64) Operation {
		return op(Request{Action: Put, Value: v}, Answer{}, call, end)
	}
	get := func(v, call, end int64) Operation {
		return op(Request{Action: Get}, Answer{Value: v}, call, end)
	}
	for _, c := range []struct {
		name    string
		history []Operation
		fine    bool
	}{
		{"read what was written", []Operation{put(1, 1, 2), get(1, 3, 4)}, true},
		{"stale", []Operation{put(1, 1, 2), get(0, 3, 4)}, false},
		{"overlapping", []Operation{put(1, 1, 4), get(0, 2, 3)}, true},
		{"new, then old", []Operation{put(1, 1, 6), get(1, 2, 3), get(0, 4, 5)}, false},
		{"unknown, not seen", []Operation{op(Request{Action: Put, Value: 1}, Answer{Unknown: true}, 1, Never), get(0, 3, 4)}, true},
		{"unknown, seen late", []Operation{op(Request{Action: Put, Value: 1}, Answer{Unknown: true}, 1, Never), get(0, 3, 4), get(1, 5, 6)}, true},
		{"unknown, seen after it can have happened", []Operation{op(Request{Action: Put, Value: 1}, Answer{Unknown: true}, 1, 2), get(0, 3, 4), get(1, 5, 6)}, false},
		{"unknown, not seen in time", []Operation{op(Request{Action: Put, Value: 1}, Answer{Unknown: true}, 1, 2), get(0, 3, 4), get(0, 5, 6)}, true},
		{"unknown, seen in time", []Operation{op(Request{Action: Put, Value: 1}, Answer{Unknown: true}, 1, 3), get(0, 2, 4), get(1, 5, 6)}, true},
		{"unknown, seen and gone", []Operation{op(Request{Action: Put, Value: 1}, Answer{Unknown: true}, 1, Never), get(1, 3, 4), get(0, 5, 6)}, false},
		{"two are first", []Operation{
			op(Request{Action: PutIfAbsent, Value: 1}, Answer{Done: true}, 1, 4), op(Request{Action: PutIfAbsent, Value: 2}, Answer{Done: true}, 2, 3),
		}, false},
		{"refused without a reason", []Operation{op(Request{Action: PutIfAbsent, Value: 1}, Answer{}, 1, 2)}, false},
		{"swapped", []Operation{put(1, 1, 2), op(Request{Action: PutIf, Value: 2, Was: 1}, Answer{Done: true}, 3, 4), get(2, 5, 6)}, true},
		{"swapped what was gone", []Operation{put(1, 1, 2), put(3, 3, 4), op(Request{Action: PutIf, Value: 2, Was: 1}, Answer{Done: true}, 5, 6)}, false},
		{"incremented twice from the same", []Operation{
			put(1, 1, 2), op(Request{Action: Increment, Value: 9}, Answer{Value: 2}, 3, 4), op(Request{Action: Increment, Value: 10}, Answer{Value: 2}, 5, 6),
		}, false},
		{"the first increment", []Operation{op(Request{Action: Increment, Value: 9}, Answer{Value: 9}, 3, 4), get(9, 5, 6)}, true},
		{"deleted", []Operation{put(1, 1, 2), op(Request{Action: Delete}, Answer{}, 3, 4), get(1, 5, 6)}, false},
	} {
		if err := Check(c.history); (err == nil) != c.fine {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
