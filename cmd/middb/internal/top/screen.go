package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/wire"
)

// A Screen is where a view is drawn.
type Screen struct {
	Title  string // of the view: which server
	Width  int    // in columns; lines are cut there
	Height int    // in lines; what does not fit is left out. 0: everything fits
	Color  bool
}

// Draw returns the view of what happened between two states of a server, as lines that each end with a newline.
// Without the earlier one, or if the server was started anew in between, it is what happened since its start.
func (s *Screen) Draw(before, now *wire.Stats) string {
	v := newView(before, now)
	v.color = s.Color
	head := append(v.header(s.Title), "")
	tail := append(s.beside(v.levels(), v.actors()), "")
	tail = append(tail, v.summary()...)
	room := 0
	if s.Height > 0 {
		room = max(3, s.Height-len(head)-len(tail)-1)
	}
	lines := append(head, v.operations(room)...)
	lines = append(append(lines, ""), tail...)
	if s.Height > 0 && len(lines) > s.Height {
		lines = lines[:s.Height]
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimRight(text.Trim(l, s.Width), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// beside puts two tables side by side if there is room, else one below the other.
func (s *Screen) beside(left, right []string) []string {
	const gap = 2
	if text.LongestLineLen(strings.Join(left, "\n"))+gap+text.LongestLineLen(strings.Join(right, "\n")) > s.Width {
		return append(append(left, ""), right...)
	}
	width := text.LongestLineLen(strings.Join(left, "\n")) + gap
	var out []string
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		out = append(out, text.Pad(l, width, ' ')+r)
	}
	return out
}

// A view is what is drawn: a state of the server and what happened since the one before.
type view struct {
	now     *wire.Stats
	before  *wire.Stats // all zero: since the start
	elapsed time.Duration
	color   bool
}

func newView(before, now *wire.Stats) *view {
	v := &view{now: now, before: before}
	if before == nil || before.Server.Uptime > now.Server.Uptime {
		v.before = &wire.Stats{}
	}
	v.elapsed = max(1, time.Duration(now.Server.Uptime-v.before.Server.Uptime))
	return v
}

// rate returns how much a counter moves in a second.
func (v *view) rate(before, now int64) float64 {
	return float64(max(0, now-before)) / v.elapsed.Seconds()
}

// share returns the part of the time that a counter of nanoseconds moved.
func (v *view) share(before, now int64) float64 { return v.rate(before, now) / float64(time.Second) }

func (v *view) paint(c text.Color, s string) string {
	if !v.color {
		return s
	}
	return text.Colors{c}.EscapeSeq() + s + text.Reset.EscapeSeq()
}

// number prints a rate or count with as many digits as matter.
func number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 10:
		return fmt.Sprintf("%.1f", x)
	}
	digits := fmt.Sprintf("%.0f", x)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// duration prints a time with three digits, or what people call an age.
func duration(nanoseconds int64) string {
	d := time.Duration(nanoseconds)
	switch {
	case d <= 0:
		return "0"
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d)
	case d < time.Millisecond:
		return three(float64(d)/1e3) + " µs"
	case d < time.Second:
		return three(float64(d)/1e6) + " ms"
	case d < time.Minute:
		return three(d.Seconds()) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd %02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}

func three(x float64) string {
	switch {
	case x < 9.995:
		return fmt.Sprintf("%.2f", x)
	case x < 99.95:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.0f", x)
	}
}

func size(n float64) string { return shell.FormatBytes(int64(n)) }

func percent(part float64) string {
	if part > 0 && part < 0.0995 {
		return fmt.Sprintf("%.1f %%", 100*part)
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}

// ratio returns a as a part of a+b, as text.
func ratio(a, b int64) string {
	if a+b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(a)/float64(a+b))
}
