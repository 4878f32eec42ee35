package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/middb/middb/wire"
)

// A Source asks a server for its state.
type Source func(context.Context) (*wire.Stats, error)

// Options say what Run shows.
type Options struct {
	Source   Source
	Title    string        // which server
	Interval time.Duration // between two views; 0: a second
	Count    int           // views until the end; 0: there is none
	In       io.Reader     // keys, if it is a terminal
	Out      io.Writer     // a live view if it is a terminal, else one text after the other
}

// The size of a view that is printed, or on a terminal that does not tell its own.
const (
	plainWidth     = 110
	terminalWidth  = 80
	terminalHeight = 24
)

// Run shows views until Count is reached, ctx ends, or somebody types q or Ctrl-C on the terminal, which it leaves as
// it was. On a terminal a server that does not answer is asked again; elsewhere that is an error.
func Run(ctx context.Context, o Options) error {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	out, ok := o.Out.(*os.File)
	if ok && term.IsTerminal(int(out.Fd())) {
		return o.live(ctx, out)
	}
	return o.plain(ctx)
}

// plain prints a view each interval. The first one is of the time since the start of the server.
func (o *Options) plain(ctx context.Context) error {
	screen := Screen{Title: o.Title, Width: plainWidth}
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	var before *wire.Stats
	for n := 1; ; n++ {
		now, err := o.Source(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how it is told to stop
		}
		if err != nil {
			return err
		}
		text := screen.Draw(before, now)
		if n > 1 {
			text = "\n" + text
		}
		if _, err := io.WriteString(o.Out, text); err != nil {
			return fmt.Errorf("print statistics: %w", err)
		}
		if n == o.Count {
			return nil
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// What a terminal is told.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the alternate screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearRest   = "\x1b[J"
)

// answerTimeout is how long a live view waits for the server at least.
const answerTimeout = 5 * time.Second

// live shows a view on a terminal that is drawn anew each interval, and when the terminal changes its size.
func (o *Options) live(ctx context.Context, out *os.File) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if in, ok := o.In.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		state, rawErr := term.MakeRaw(int(in.Fd()))
		if rawErr != nil {
			return fmt.Errorf("read keys: %w", rawErr)
		}
		defer func() { err = errors.Join(err, term.Restore(int(in.Fd()), state)) }()
		go awaitQuit(in, cancel) // it reads until a key comes, perhaps beyond the end of this
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	if _, err = io.WriteString(out, enterScreen); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	defer func() {
		_, leaveErr := io.WriteString(out, leaveScreen)
		err = errors.Join(err, leaveErr)
	}()
	return o.loop(ctx, out, resized)
}

// awaitQuit reads keys until one says that it is enough.
func awaitQuit(in io.Reader, quit func()) {
	const ctrlC = 3
	key := make([]byte, 1)
	for {
		if n, err := in.Read(key); err != nil || n == 1 && (key[0] == 'q' || key[0] == 'Q' || key[0] == ctrlC) {
			quit()
			return
		}
	}
}

func (o *Options) loop(ctx context.Context, out *os.File, resized <-chan os.Signal) error {
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	var before, now *wire.Stats
	for n := 1; ; n++ {
		next, err := o.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end of ctx is how it is told to stop
		case err != nil && now == nil:
			return err
		case err == nil:
			before, now = now, next
		}
		if drawErr := o.draw(out, before, now, err); drawErr != nil || n == o.Count {
			return drawErr
		}
		for waiting := true; waiting; {
			select {
			case <-tick.C:
				waiting = false
			case <-resized:
				if drawErr := o.draw(out, before, now, err); drawErr != nil {
					return drawErr
				}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// ask asks the server, but not for ever.
func (o *Options) ask(ctx context.Context) (*wire.Stats, error) {
	ctx, cancel := context.WithTimeout(ctx, max(answerTimeout, o.Interval))
	defer cancel()
	return o.Source(ctx)
}

// draw puts a view on the terminal, or the last one and why there is no newer one.
func (o *Options) draw(out *os.File, before, now *wire.Stats, failure error) error {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = terminalWidth, terminalHeight
	}
	screen := Screen{Title: o.Title, Width: width, Height: height - 1, Color: os.Getenv("NO_COLOR") == ""}
	view := screen.Draw(before, now)
	last := "q ends"
	if failure != nil {
		last = "no answer: " + strings.ReplaceAll(failure.Error(), "\n", " ")
	}
	if len(last) > width {
		last = last[:width]
	}
	text := home + strings.ReplaceAll(view, "\n", clearLine+"\r\n") + last + clearLine + clearRest
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}
