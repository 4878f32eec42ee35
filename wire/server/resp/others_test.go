package resp

import (
	"testing"

	"github.com/middb/middb/merge"
)

// A value that somebody else made unreadable is there, and is no reason to keep others back.
func TestUnreadableValueHidesNoOther(t *testing.T) {
	s := newServerAt(t, Options{})
	c := s.client()
	c.want("+OK", "mset", "a", "1", "s", "text", "z", "9")
	c.want("+OK", "set", "short", "text", "ex", "100")
	one := merge.AppendCount(nil, 1)
	must(t, s.db.Merge([]byte("s"), merge.Counter, one))
	must(t, s.db.Merge([]byte("short"), merge.Counter, one))
	for _, step := range []struct {
		want string
		cmd  []string
	}{
		{"4", []string{"dbsize"}},
		{`["a", "s", "short", "z"]`, []string{"keys", "*"}},
		{`["0", ["a", "s", "short", "z"]]`, []string{"scan", "0"}},
		{"3", []string{"exists", "a", "s", "z"}},
		{`["1", nil, "9"]`, []string{"mget", "a", "s", "z"}},
		{"+string", []string{"type", "s"}},
		{"-1", []string{"ttl", "s"}},
		{"100", []string{"ttl", "short"}},
		{`-ERR get s: merge failed: operator "counter": a counter has 8 bytes, and this has 4: text`, []string{"get", "s"}},
		{"-ERR value is not an integer or out of range", []string{"incr", "s"}},
		{"-ERR value is not a valid float", []string{"incrbyfloat", "s", "1"}},
		{"0", []string{"setnx", "s", "v"}},
		{"+OK", []string{"watch", "s"}},
		{"+OK", []string{"multi"}},
		{"+QUEUED", []string{"set", "s", "v"}},
		{"[+OK]", []string{"exec"}},
		{`"v"`, []string{"get", "s"}},
		{"1", []string{"del", "short"}},
		{"3", []string{"dbsize"}},
	} {
		c.want(step.want, step.cmd...)
	}
	must(t, s.db.Merge([]byte("s"), merge.Counter, one))
	c.want("+OK", "watch", "s")
	must(t, s.db.Put([]byte("s"), []byte("w")))
	c.want("+OK", "multi")
	c.want("+QUEUED", "get", "s")
	c.want("nil", "exec")
	for range 20 {
		if k := c.do("randomkey"); k != `"a"` && k != `"s"` && k != `"z"` {
			t.Errorf("RANDOMKEY: %s", k)
		}
	}
}
