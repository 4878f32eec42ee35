package simulation

import (
	"strconv"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/vfs"
)

// A trace is what happened in a run, one line for each event: which actor received how many messages,
// who posted what to whom, which call changed the disk, what callers asked and were told. Equal seeds
// have equal traces, byte for byte.
type trace struct {
	keep   bool // the text, not only its hash
	text   []byte
	line   []byte
	hash   xxh3.Hasher
	events int
}

// begin starts a line with the step and the simulated time in microseconds.
func (tr *trace) begin(s *scheduler, who string) {
	tr.line = strconv.AppendInt(tr.line[:0], int64(s.steps), 10)
	tr.line = append(tr.line, " +"...)
	tr.line = strconv.AppendInt(tr.line, int64(s.clock.Sub(begin)/time.Microsecond), 10)
	tr.line = append(tr.line, ' ')
	tr.line = append(tr.line, who...)
}

func (tr *trace) end() {
	tr.line = append(tr.line, '\n')
	_, _ = tr.hash.Write(tr.line)
	if tr.keep {
		tr.text = append(tr.text, tr.line...)
	}
	tr.events++
}

func (tr *trace) words(words ...string) {
	for _, w := range words {
		tr.line = append(append(tr.line, ' '), w...)
	}
}

func (tr *trace) number(n int64) {
	tr.line = strconv.AppendInt(append(tr.line, ' '), n, 10)
}

func (tr *trace) receives(s *scheduler, t *task) {
	tr.begin(s, t.name)
	tr.words("receives")
	tr.number(int64(t.take))
	tr.words("of")
	tr.number(int64(t.actor.Queued()))
	tr.end()
}

func (tr *trace) posts(s *scheduler, from, to *task, message string) {
	tr.begin(s, s.name(from))
	tr.words("posts", message, "to", to.name)
	tr.end()
}

func (tr *trace) call(s *scheduler, op vfs.Op) {
	tr.begin(s, s.name(s.current))
	tr.words(op.Kind.String(), op.Path)
	if op.NewPath != "" {
		tr.words("to", op.NewPath)
	}
	if op.Kind == vfs.OpWrite {
		tr.words("at")
		tr.number(op.Offset)
	}
	if op.Length != 0 {
		tr.number(op.Length)
	}
	tr.end()
}

// note adds what a caller did, or what happened to everything.
func (tr *trace) note(s *scheduler, who string, words ...string) {
	tr.begin(s, who)
	tr.words(words...)
	tr.end()
}
