package resp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A model is what Redis does, as simply as it can be said, for the commands that randomCommand makes.
type model struct {
	keys map[string]modelValue
	now  func() time.Time
}

type modelValue struct {
	v       string
	expires time.Time
}

func (m *model) get(k string) (modelValue, bool) {
	v, ok := m.keys[k]
	if ok && !v.expires.IsZero() && !v.expires.After(m.now()) {
		delete(m.keys, k)
		return modelValue{}, false
	}
	return v, ok
}

func (m *model) live() []string {
	var out []string
	for k := range m.keys {
		if _, ok := m.get(k); ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func quoted(v modelValue, ok bool) string {
	if !ok {
		return "nil"
	}
	return strconv.Quote(v.v)
}

const okReply = "+OK"

func (m *model) do(a []string) string {
	v, ok := modelValue{}, false
	if len(a) > 1 {
		v, ok = m.get(a[1])
	}
	switch a[0] {
	case "GET":
		return quoted(v, ok)
	case "MGET":
		var out []string
		for _, k := range a[1:] {
			out = append(out, quoted(m.get(k)))
		}
		return "[" + strings.Join(out, ", ") + "]"
	case "STRLEN":
		return strconv.Itoa(len(v.v))
	case "EXISTS", "DEL":
		n := 0
		for _, k := range a[1:] {
			if _, ok := m.get(k); ok {
				n++
				if a[0] == "DEL" {
					delete(m.keys, k)
				}
			}
		}
		return strconv.Itoa(n)
	case "SET":
		return m.set(a, v, ok)
	case "SETNX":
		if ok {
			return "0"
		}
		m.keys[a[1]] = modelValue{v: a[2]}
		return "1"
	case "MSET", "MSETNX":
		if a[0] == "MSETNX" {
			for i := 1; i < len(a); i += 2 {
				if _, ok := m.get(a[i]); ok {
					return "0"
				}
			}
		}
		for i := 1; i < len(a); i += 2 {
			m.keys[a[i]] = modelValue{v: a[i+1]}
		}
		if a[0] == "MSETNX" {
			return "1"
		}
		return okReply
	case "GETSET":
		m.keys[a[1]] = modelValue{v: a[2]}
		return quoted(v, ok)
	case "GETDEL":
		delete(m.keys, a[1])
		return quoted(v, ok)
	case "APPEND":
		v.v += a[2]
		m.keys[a[1]] = v
		return strconv.Itoa(len(v.v))
	case "INCRBY":
		return m.incrby(a, v, ok)
	case "PEXPIRE":
		if !ok {
			return "0"
		}
		ms, _ := strconv.ParseInt(a[2], 10, 64)
		v.expires = m.now().Add(time.Duration(ms) * time.Millisecond)
		m.keys[a[1]] = v
		return "1"
	case "PERSIST":
		if !ok || v.expires.IsZero() {
			return "0"
		}
		m.keys[a[1]] = modelValue{v: v.v}
		return "1"
	case "PTTL":
		switch {
		case !ok:
			return "-2"
		case v.expires.IsZero():
			return "-1"
		}
		return strconv.FormatInt(v.expires.Sub(m.now()).Milliseconds(), 10)
	case "DBSIZE":
		return strconv.Itoa(len(m.live()))
	case "KEYS":
		var out []string
		for _, k := range m.live() {
			out = append(out, strconv.Quote(k))
		}
		return "[" + strings.Join(out, ", ") + "]"
	case "FLUSHDB":
		clear(m.keys)
		return okReply
	}
	panic("the model does not know " + a[0])
}

func (m *model) set(a []string, v modelValue, ok bool) string {
	next := modelValue{v: a[2]}
	get, blocked := false, false
	for i := 3; i < len(a); i++ {
		switch a[i] {
		case "NX":
			blocked = ok
		case "XX":
			blocked = !ok
		case "GET":
			get = true
		case "KEEPTTL":
			next.expires = v.expires
		case "PX":
			i++
			ms, _ := strconv.Atoi(a[i])
			next.expires = m.now().Add(time.Duration(ms) * time.Millisecond)
		}
	}
	if !blocked {
		m.keys[a[1]] = next
	}
	switch {
	case get:
		return quoted(v, ok)
	case blocked:
		return "nil"
	}
	return okReply
}

func (m *model) incrby(a []string, v modelValue, ok bool) string {
	n := int64(0)
	if ok {
		var valid bool
		if n, valid = parseInt([]byte(v.v)); !valid {
			return "-" + string(errNotInteger)
		}
	}
	by, _ := strconv.ParseInt(a[2], 10, 64)
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return "-" + string(errOverflow)
	}
	v.v = strconv.FormatInt(n+by, 10)
	m.keys[a[1]] = v
	return v.v
}

// randomCommand makes a command on few keys.
func randomCommand(rng *rand.Rand) []string {
	k := func() string { return "k" + strconv.Itoa(rng.IntN(6)) }
	v := func() string {
		switch rng.IntN(4) {
		case 0:
			return strings.Repeat("v", rng.IntN(300))
		case 1:
			return "9223372036854775800"
		}
		return strconv.Itoa(rng.IntN(100))
	}
	switch rng.IntN(24) {
	case 0, 1, 2:
		return []string{"GET", k()}
	case 3:
		return []string{"MGET", k(), k(), k()}
	case 4:
		return []string{"STRLEN", k()}
	case 5:
		return []string{"EXISTS", k(), k()}
	case 6:
		return []string{"DEL", k(), k()}
	case 7, 8, 9:
		return []string{"SET", k(), v()}
	case 10:
		return append([]string{"SET", k(), v()}, [][]string{{"NX"}, {"XX"}, {"GET"}, {"NX", "GET"}, {"KEEPTTL"}, {"PX", "50"}, {"XX", "PX", "30"}, {"KEEPTTL", "GET", "XX"}}[rng.IntN(8)]...)
	case 11:
		return []string{"SETNX", k(), v()}
	case 12:
		return []string{"MSET", k(), v(), k(), v()}
	case 13:
		return []string{"MSETNX", k(), v(), k(), v()}
	case 14:
		return []string{"GETSET", k(), v()}
	case 15:
		return []string{"GETDEL", k()}
	case 16:
		return []string{"APPEND", k(), v()}
	case 17, 18:
		return []string{"INCRBY", k(), strconv.Itoa(rng.IntN(20) - 10)}
	case 19:
		return []string{"PEXPIRE", k(), strconv.Itoa(1 + rng.IntN(100))}
	case 20:
		return []string{"PERSIST", k()}
	case 21:
		return []string{"PTTL", k()}
	case 22:
		return [][]string{{"DBSIZE"}, {"KEYS", "*"}}[rng.IntN(2)]
	}
	if rng.IntN(10) == 0 {
		return []string{"FLUSHDB"}
	}
	return []string{"GET", k()}
}

// randomPipeline makes commands to be sent at once, some between MULTI and EXEC, and the replies that the model gives.
func randomPipeline(rng *rand.Rand, m *model) (in []byte, want, sent []string) {
	var queued []string
	multi := false
	for n := 1 + rng.IntN(12); n > 0 || multi; n-- {
		var a []string
		switch {
		case !multi && rng.IntN(12) == 0:
			a, multi, queued = []string{"MULTI"}, true, nil
			want = append(want, okReply)
		case multi && (n <= 0 || rng.IntN(4) == 0):
			a, multi = []string{"EXEC"}, false
			want = append(want, "["+strings.Join(queued, ", ")+"]")
		case multi:
			a = randomCommand(rng)
			queued = append(queued, m.do(a))
			want = append(want, "+QUEUED")
		default:
			a = randomCommand(rng)
			want = append(want, m.do(a))
		}
		in = append(in, encode(a...)...)
		sent = append(sent, strings.Join(a, " "))
	}
	return in, want, sent
}

func TestRandomPipelinesAgreeWithTheModel(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			s := newServerAt(t, Options{})
			m := &model{keys: map[string]modelValue{}, now: s.clock.Now}
			c := s.client()
			for round := range rounds {
				in, want, sent := randomPipeline(rng, m)
				c.send(in)
				for i := range want {
					if got := c.receive(); got != want[i] {
						t.Fatalf("seed %d, round %d: %s, want %s; command %d of %q", seed, round, got, want[i], i+1, sent)
					}
				}
				s.clock.advance(time.Duration(rng.IntN(10)) * time.Millisecond)
				if round%500 == 499 {
					must(t, s.db.Flush(t.Context()))
				}
			}
		})
	}
}

// What the model says is what Redis says.
func TestModelAgreesWithRedis(t *testing.T) {
	addr := startRedis(t)
	rng := rand.New(rand.NewPCG(7, 7))
	c := dial(t, addr)
	now := time.Now() // nothing expires: the commands that make it so are passed over
	m := &model{keys: map[string]modelValue{}, now: func() time.Time { return now }}
	for round := range 5000 {
		a := randomCommand(rng)
		if slices.Contains(a, "PX") || a[0] == "PEXPIRE" || a[0] == "KEYS" {
			continue
		}
		if got, want := c.do(a...), m.do(a); got != want {
			t.Fatalf("round %d: %q: %s, and the model says %s", round, a, got, want)
		}
	}
}
