package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func newReader(limits Limits) *reader {
	o, err := Options{Limits: limits}.withDefaults()
	if err != nil {
		panic(err)
	}
	return &reader{limits: &o.Limits, shared: &budget{limit: o.Limits.SharedBytes}}
}

// chunks yields its bytes in pieces of lengths that next returns.
type chunks struct {
	rest []byte
	next func() int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[:min(len(c.rest), max(1, c.next()))])
	c.rest = c.rest[n:]
	return n, nil
}

// readAll returns the commands of a stream, as text, and the error that ended it.
func readAll(d *reader, src io.Reader) (commands []string, err error) {
	for {
		for {
			args, err := d.next()
			if err != nil {
				return commands, err
			}
			if args == nil {
				break
			}
			commands = append(commands, fmt.Sprintf("%q", args))
		}
		if err := d.fill(src); err != nil {
			return commands, err
		}
	}
}

func TestReaderTakesAnyPieces(t *testing.T) {
	in := "*2\r\n$3\r\nGET\r\n$1\r\na\r\n\r\nPING  \"a b\" 'c'\r\n*0\r\n*1\r\n$0\r\n\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000\r\n" +
		strings.Repeat("v", 20000) + "\r\nECHO x\n*-1\r\n*1\r\n$4\r\nQUIT\r\n"
	whole, err := readAll(newReader(Limits{}), &chunks{[]byte(in), func() int { return len(in) }})
	if err != io.EOF || len(whole) != 6 {
		t.Fatalf("whole: %d commands, %v", len(whole), err)
	}
	for _, n := range []int{1, 2, 3, 7, 64, 8191, 8192, 8193} {
		d := newReader(Limits{})
		got, err := readAll(d, &chunks{[]byte(in), func() int { return n }})
		if err != io.EOF || fmt.Sprint(got) != fmt.Sprint(whole) {
			t.Errorf("in pieces of %d: %v, %.200v", n, err, got)
		}
		if !d.idle() {
			t.Errorf("in pieces of %d: not all is read", n)
		}
	}
}

// A length that is announced is no reason to allocate, and what is too long is refused before it has come.
func TestReaderAllocatesWhatHasCome(t *testing.T) {
	for _, c := range []struct {
		name, in string
		limits   Limits
		err      string
		most     int // bytes of buffers
	}{
		{name: "announced bulk", in: "*1\r\n$16000000\r\n", most: readBytes},
		{name: "announced array", in: "*1048576\r\n", most: readBytes},
		{name: "long bulk", in: "*1\r\n$17000000\r\n", err: "invalid bulk length", most: readBytes},
		{name: "many bulks", in: "*3\r\n$600\r\n" + strings.Repeat("x", 600) + "\r\n$600\r\n", limits: Limits{CommandBytes: 1000}, err: "invalid bulk length", most: 2 * readBytes},
		{name: "long array", in: "*1048577\r\n", err: "invalid multibulk length", most: readBytes},
		{name: "endless number", in: "*" + strings.Repeat("0", 100), err: "invalid multibulk length", most: readBytes},
		{name: "endless line", in: strings.Repeat("x", 100_000), err: "too big inline request", most: 4 * roundBytes},
		{name: "small arguments", in: "*200000\r\n" + strings.Repeat("$0\r\n\r\n", 200_000), limits: Limits{CommandBytes: 1 << 20}, err: "invalid bulk length", most: 4 << 20},
		{name: "shared memory", in: "*1\r\n$1000000\r\n" + strings.Repeat("x", 1_000_000), limits: Limits{SharedBytes: 1 << 18}, err: "OOM", most: 1 << 19},
	} {
		d := newReader(c.limits)
		got, err := readAll(d, strings.NewReader(c.in))
		if len(got) > 0 || c.err == "" && err != io.EOF || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %d commands, %v, want %q", c.name, len(got), err, c.err)
		}
		if n := cap(d.buf) + argBytes*cap(d.spans); n > c.most {
			t.Errorf("%s: holds %d bytes, at most %d", c.name, n, c.most)
		}
		d.close()
		if n := d.shared.used.Load(); n != 0 {
			t.Errorf("%s: %d bytes of the budget are not given back", c.name, n)
		}
	}
}

func TestReaderGivesBackWhatAGreatCommandTook(t *testing.T) {
	d := newReader(Limits{})
	src := &chunks{encode("SET", "k", strings.Repeat("v", 1<<20)), func() int { return 60_000 }}
	for {
		must(t, d.fill(src))
		if args, err := d.next(); err != nil || args != nil {
			must(t, err)
			break
		}
	}
	if d.shared.used.Load() == 0 {
		t.Error("a buffer of a mebibyte is not counted")
	}
	_ = d.fill(strings.NewReader("PING\r\n"))
	if n := d.shared.used.Load(); n != 0 || len(d.buf) > roundBytes {
		t.Errorf("%d bytes of the budget and a buffer of %d are still held", n, len(d.buf))
	}
}

func TestWordsOfALine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{``, `[]`},
		{"  a\tb  ", `["a" "b"]`},
		{`"a b" 'c d'`, `["a b" "c d"]`},
		{`"\x41\x4g\n\t\r\b\a\q\""`, `["Ax4g\n\t\r\b\aq\""]`},
		{`'\n\''`, `["\\n'"]`},
		{`a"b c"`, `["ab c"]`},
		{`""`, `[""]`},
		{`"a`, "unbalanced"},
		{`"a"b`, "unbalanced"},
		{`'a`, "unbalanced"},
		{`"a\`, "unbalanced"},
	} {
		args, ok := splitWords(nil, []byte(c.in))
		got := fmt.Sprintf("%q", args)
		if !ok {
			got = "unbalanced"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
}

// Whatever comes, in whatever pieces: the same commands and the same complaint, within the limits.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "PING\r\n", "*1\r\n$-1\r\n", "*x\r\n", "SET a \"b\\x00\"\r\n", "*0\r\n\r\n*1\r\n$4\r\nPING\r\n",
		"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nab\r\nc\r\n", "*1000000\r\n$1\r\n", "'", "\n\n\n", "*1\r\n$4\r\nPINGxx",
	} {
		f.Add([]byte(s), uint64(1))
	}
	limits := Limits{CommandBytes: 4096, Arguments: 64, SharedBytes: 1 << 20}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		a, errA := readAll(newReader(limits), bytes.NewReader(in))
		d := newReader(limits)
		b, errB := readAll(d, &chunks{in, func() int { return rng.IntN(20) }})
		if fmt.Sprint(a) != fmt.Sprint(b) || errA.Error() != errB.Error() {
			t.Fatalf("whole: %q, %v; in pieces: %q, %v", a, errA, b, errB)
		}
		if len(d.buf) > 4*roundBytes || cap(d.args) > 2*len(in)+keptArgs {
			t.Fatalf("a buffer of %d bytes and %d arguments for %d bytes", len(d.buf), cap(d.args), len(in))
		}
		var e protocolError
		if errA != io.EOF && !errors.As(errA, &e) {
			t.Fatalf("%T: %v", errA, errA)
		}
	})
}
