package isolation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A story is a script of steps of several transactions, and what would be an anomaly in it:
//
//	given 1=10 2=20
//	T1, T2: begin
//	T1: get 1
//	T1: get 1 for update
//	T1: scan               of everything
//	T1: scan 1..5 limit 2  the upper bound is exclusive
//	T1: scan down 1..5 limit 2
//	T1: scan where value=20, or value%3=0: reads everything and shows what fits
//	T1: put 1 11
//	T1: delete 1
//	T1: delete 1..5        a range
//	T1: delete where value=20
//	T1: add 5 to 2         reads and writes; without "to" every key
//	T1: commit
//	T1: rollback
//	anomaly: T1 saw 1=10 then 2=18 and T2 committed and finally 1=12 and 2=-
//
// The value - is that of a missing key. A story without a line about an anomaly just shows something.
type story struct {
	given   []pair
	steps   []storyStep
	anomaly string
}

type storyStep struct {
	text string
	txns []string
	do   string
}

func parseStory(text string) (story, error) {
	var s story
	for _, line := range strings.Split(text, "\n") {
		who, what, ok := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(line, "given "):
			for _, w := range strings.Fields(line)[1:] {
				k, v, _ := strings.Cut(w, "=")
				s.given = append(s.given, pair{k, v})
			}
		case who == "anomaly":
			s.anomaly = what
		case ok:
			s.steps = append(s.steps, storyStep{text: line, txns: strings.Split(who, ", "), do: what})
		default:
			return s, fmt.Errorf("%q is no step", line)
		}
	}
	return s, nil
}

// A sight is what a transaction saw of a range of keys.
type sight struct {
	lower, upper string
	found        []pair
}

// shows tells whether k had the value v.
func (s sight) shows(k, v string) bool {
	i := slices.IndexFunc(s.found, func(p pair) bool { return p.k == k })
	if i < 0 {
		return v == "-" && inRange(k, s.lower, s.upper)
	}
	return s.found[i].v == v
}

// A telling is a story as it went at one level.
type telling struct {
	store     store
	level     level
	txns      map[string]txn
	seen      map[string][]sight
	committed map[string]bool
	results   []string // by step
	occurs    bool
}

// tell plays a story.
func (s story) tell(on store, l level) (*telling, error) {
	err := update(on, snapshot, func(t txn) error {
		before, err := t.scan(span{}) // another story's
		if err != nil {
			return err
		}
		for _, p := range before {
			if err := t.del(p.k); err != nil {
				return err
			}
		}
		for _, p := range s.given {
			if err := t.put(p.k, p.v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := &telling{store: on, level: l, txns: map[string]txn{}, seen: map[string][]sight{}, committed: map[string]bool{}}
	for _, step := range s.steps {
		result := ""
		for _, name := range step.txns {
			if result, err = t.step(name, step.do); err != nil {
				return nil, fmt.Errorf("%v, %s: %w", l, step.text, err)
			}
		}
		t.results = append(t.results, result)
	}
	for name, open := range t.txns {
		if open != nil {
			return nil, fmt.Errorf("%s is left open", name)
		}
	}
	final, err := on.begin(l)
	if err != nil {
		return nil, err
	}
	t.txns["finally"] = final
	if _, err = t.scan("finally", span{}, nil); err != nil {
		return nil, err
	}
	if err := final.rollback(); err != nil {
		return nil, err
	}
	if s.anomaly != "" {
		t.occurs, err = t.holds(s.anomaly)
	}
	return t, err
}

// step lets a transaction make a step, and returns what it answers.
func (t *telling) step(name, do string) (string, error) {
	current, known := t.txns[name]
	if do == "begin" {
		if known {
			return "", errors.New("it has begun")
		}
		begun, err := t.store.begin(t.level)
		t.txns[name] = begun
		return "ok", err
	}
	if !known {
		return "", errors.New("it has not begun")
	}
	if current == nil {
		return "(over)", nil
	}
	switch do {
	case "commit":
		t.txns[name] = nil
		err := current.commit()
		if c := (*conflict)(nil); errors.As(err, &c) {
			return "conflict on " + c.k, nil
		}
		t.committed[name] = err == nil
		return "committed", err
	case "rollback":
		t.txns[name] = nil
		return "rolled back", current.rollback()
	}
	return t.data(current, name, strings.Fields(do))
}

// data plays the steps that read and write.
func (t *telling) data(on txn, name string, words []string) (string, error) {
	verb, args := words[0], words[1:]
	switch {
	case verb == "get":
		get := on.get
		if len(args) > 1 {
			get = on.getForUpdate
		}
		v, found, err := get(args[0])
		s := sight{lower: args[0], upper: args[0] + "\x00"}
		if !found {
			v = "-"
		} else {
			s.found = []pair{{args[0], v}}
		}
		t.seen[name] = append(t.seen[name], s)
		return v, err
	case verb == "put":
		return "ok", on.put(args[0], args[1])
	case verb == "scan":
		selected, fits, err := selection(args)
		if err != nil {
			return "", err
		}
		found, err := t.scan(name, selected, fits)
		return listed(found), err
	case verb == "delete" && args[0] == "where":
		found, err := t.scan(name, span{}, predicate(args[1]))
		for _, p := range found {
			err = errors.Join(err, on.del(p.k))
		}
		return listed(found), err
	case verb == "delete":
		if lower, upper, isRange := strings.Cut(args[0], ".."); isRange {
			return "ok", on.delRange(lower, upper)
		}
		return "ok", on.del(args[0])
	case verb == "add":
		return t.add(on, name, args)
	}
	return "", errors.New("unknown step")
}

// add adds a number to one key or all.
func (t *telling) add(on txn, name string, args []string) (string, error) {
	n, err := strconv.Atoi(args[0])
	var selected span
	if len(args) > 1 {
		selected = span{lower: args[2], upper: args[2] + "\x00"}
	}
	found, scanErr := t.scan(name, selected, nil)
	err = errors.Join(err, scanErr)
	for i := range found {
		v, convErr := strconv.Atoi(found[i].v)
		found[i].v = strconv.Itoa(v + n)
		err = errors.Join(err, convErr, on.put(found[i].k, found[i].v))
	}
	return listed(found), err
}

// scan scans and notes what is seen.
func (t *telling) scan(name string, selected span, fits func(v int) bool) ([]pair, error) {
	found, err := t.txns[name].scan(selected)
	if fits != nil {
		found = slices.DeleteFunc(found, func(p pair) bool {
			v, convErr := strconv.Atoi(p.v)
			return convErr != nil || !fits(v)
		})
	}
	t.seen[name] = append(t.seen[name], sight{selected.lower, selected.upper, slices.Clone(found)})
	return found, err
}

// selection understands what follows "scan".
func selection(args []string) (selected span, fits func(v int) bool, err error) {
	for i := 0; i < len(args) && err == nil; i++ {
		switch args[i] {
		case "down":
			selected.down = true
		case "where":
			i++
			fits = predicate(args[i])
		case "limit":
			i++
			selected.limit, err = strconv.Atoi(args[i])
		default:
			selected.lower, selected.upper, _ = strings.Cut(args[i], "..")
		}
	}
	return selected, fits, err
}

// predicate understands value=20 and value%3=0.
func predicate(s string) func(v int) bool {
	var a, b int
	if _, err := fmt.Sscanf(s, "value%%%d=%d", &a, &b); err == nil {
		return func(v int) bool { return v%a == b }
	}
	if _, err := fmt.Sscanf(s, "value=%d", &a); err != nil {
		return func(int) bool { return false }
	}
	return func(v int) bool { return v == a }
}

func listed(found []pair) string {
	var words []string
	for _, p := range found {
		words = append(words, p.k+"="+p.v)
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, " ")
}

// holds tells whether all parts of a condition are true of the telling.
func (t *telling) holds(condition string) (bool, error) {
	who := ""
	for _, part := range strings.Split(condition, " and ") {
		words := strings.Fields(part)
		if len(words) > 1 {
			who = words[0]
			words = words[1:]
		}
		if words[0] == "committed" {
			if !t.committed[who] {
				return false, nil
			}
			continue
		}
		if words[0] == "saw" {
			words = words[1:]
		}
		sights := t.seen[who]
		for _, w := range words {
			if w == "then" {
				continue
			}
			k, v, ok := strings.Cut(w, "=")
			if !ok {
				return false, fmt.Errorf("%q: what is %q?", condition, w)
			}
			i := slices.IndexFunc(sights, func(s sight) bool { return s.shows(k, v) })
			if i < 0 {
				return false, nil
			}
			sights = sights[i:]
		}
	}
	return true, nil
}
