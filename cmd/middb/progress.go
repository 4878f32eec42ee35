package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// A meter shows on a terminal how far a command is. Elsewhere it shows nothing. What the bar's
// library has to complain of, such as more bytes than were announced, stops no command.
type meter struct{ bar *progressbar.ProgressBar }

// meter begins a meter that counts towards total; if total is negative it only counts.
func (p *program) meter(what string, total int64, bytes bool) *meter {
	if !isTerminal(p.err) {
		return &meter{}
	}
	return &meter{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p.err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(bytes),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())}
}

// Write counts the bytes of b as done.
func (m *meter) Write(b []byte) (int, error) {
	if m.bar != nil {
		_ = m.bar.Add64(int64(len(b)))
	}
	return len(b), nil
}

// set says how much is done.
func (m *meter) set(done int64) {
	if m.bar != nil {
		_ = m.bar.Set64(done)
	}
}

// setOf says how much of how much is done.
func (m *meter) setOf(done, total int64) {
	if m.bar != nil && total > 0 {
		m.bar.ChangeMax64(total)
		_ = m.bar.Set64(done)
	}
}

// end takes the meter off the screen.
func (m *meter) end() {
	if m.bar != nil {
		_ = m.bar.Finish()
	}
}
