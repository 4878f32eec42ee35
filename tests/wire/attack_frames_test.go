package wire

import (
	"bytes"
	"compress/zlib"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/middb/middb/wire"
)

// deepNesting sends bodies that a recursive decoder dies of. Each is answered by an ERROR, and the session goes on.
func (a *attack) deepNesting() error {
	deep := func(unit string, n int) []byte {
		return append(bytes.Repeat([]byte(unit), n), 0xc0)
	}
	wide := append([]byte{0xdd, 0x00, 0x1e, 0x84, 0x80}, bytes.Repeat([]byte{0xc0}, 2_000_000)...)
	bodies := [][]byte{
		deep("\x91", 33), deep("\x91", 1<<20), deep("\x81\xa1a", 1<<18), deep("\x92\xc0", 1<<19), deep("\xdd\x00\x00\x00\x01", 1<<17), wide,
	}
	return a.each(4, func(int) error {
		for !a.over() {
			if err := a.lie(bodies); err != nil {
				return err
			}
			a.done.Add(int64(len(bodies)))
		}
		return nil
	})
}

// otherProtocols speaks anything but middb. It is told so in a line that people can read, and the connection is closed.
func (a *attack) otherProtocols() error {
	words := []struct{ say, want string }{
		{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 "},
		{"POST /x HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100_000), "HTTP/1.1 400 "},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 "},
		{"*1\r\n$4\r\nPING\r\n", "middb: "},
		{"PING\r\n", "middb: "},
		{"SSH-2.0-OpenSSH_9.6\r\n", "middb: "},
		{"\x00\x00\x00\x08\x04\xd2\x16\x2f", "middb: "}, // PostgreSQL asks for TLS
		{"MIDI\x01\x00\x00\x00", "middb: "},
		{strings.Repeat("\xff", 1<<20), "middb: "},
	}
	return a.each(32, func(i int) error {
		rng := a.random(i)
		for ; !a.over(); i++ {
			a.done.Add(1)
			if i%16 == 0 {
				if err := a.speakTLS(); err != nil {
					return err
				}
				continue
			}
			w := words[i%len(words)]
			if i%16 == 1 {
				noise := []byte{byte(rng.IntN('M'))}
				for range rng.IntN(2000) {
					noise = append(noise, byte(rng.Uint32()))
				}
				w.say, w.want = string(noise), "middb: "
			}
			if err := say(a.Address, w.say, w.want); err != nil {
				return err
			}
		}
		return nil
	})
}

// say opens a connection, says something, and expects an answer and the end of the connection.
func say(address, what, want string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	// When the server has said what it thinks of it, it need not read the rest.
	if err = conn.SetWriteDeadline(time.Now().Add(slack)); err != nil {
		return err
	}
	_, _ = conn.Write([]byte(what))
	said, err := closed(conn, slack)
	if err != nil {
		return fmt.Errorf("%.40q: %w", what, err)
	}
	if !strings.HasPrefix(string(said), want) || !strings.HasSuffix(string(said), "\n") {
		return fmt.Errorf("%.40q is answered by %q, not by a line that begins with %q", what, said, want)
	}
	return nil
}

func (a *attack) speakTLS() error {
	conn, err := net.Dial("tcp", a.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = conn.SetDeadline(time.Now().Add(slack)); err != nil {
		return err
	}
	err = tls.Client(conn, &tls.Config{ServerName: "localhost"}).HandshakeContext(a.ctx)
	var notTLS tls.RecordHeaderError
	if !errors.As(err, &notTLS) && !a.over() {
		return fmt.Errorf("a TLS handshake ends with %w", err)
	}
	return nil
}

// bombs sends little that becomes much when it is inflated.
func (a *attack) bombs() error {
	zeros := make([]byte, 1<<20)
	pack := func(announced uint32, plain int) []byte {
		var b bytes.Buffer
		b.Write(binary.BigEndian.AppendUint32(nil, announced))
		w, _ := zlib.NewWriterLevel(&b, zlib.BestCompression)
		for ; plain > 0; plain -= len(zeros) {
			if _, err := w.Write(zeros[:min(plain, len(zeros))]); err != nil {
				panic(err)
			}
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		return b.Bytes()
	}
	bodies := [][]byte{
		pack(100, 256<<20),                                 // much more than announced
		pack(1<<32-1, 100),                                 // announces too much
		pack(uint32(a.Limits.MaxFrame), 1000),              // announces what is allowed, and has little
		pack(uint32(a.Limits.MaxFrame), a.Limits.MaxFrame), // what is allowed; zeros are no message
		pack(1000, 1000)[:20],                              // torn
		{0, 0, 1, 0, 'x', 'y'},
		{0},
		{},
	}
	return a.each(8, func(i int) error {
		for ; !a.over(); i++ {
			p, err := a.session(wire.Hello{Compress: []string{wire.Zlib}})
			if err != nil {
				return err
			}
			p.append(wire.TypePut, wire.Compressed, raw(bodies[i%len(bodies)]))
			if err = p.flush(); err == nil {
				_, err = p.nextError()
			}
			reset(p)
			if err != nil && !errors.Is(err, errReset) {
				return fmt.Errorf("bomb %d: %w", i%len(bodies), err)
			}
			a.done.Add(1)
		}
		return nil
	})
}

// nextError returns the next frame, which must be an ERROR.
func (p *peer) nextError() (*wire.Error, error) {
	if err := p.SetDeadline(time.Now().Add(slack)); err != nil {
		return nil, err
	}
	f, err := p.next()
	switch {
	case err != nil && isReset(err):
		return nil, errReset
	case err != nil:
		return nil, err
	case f.Type != wire.TypeError:
		return nil, fmt.Errorf("answered by %v", f.Type)
	}
	return wire.DecodeError(f.Body)
}

// randomFrames sends frames that are nearly right.
func (a *attack) randomFrames() error {
	golden, err := goldenFrames()
	if err != nil {
		return err
	}
	const senders = 32
	return a.each(senders, func(i int) error {
		rng := a.random(i)
		for sent := 0; sent < a.Count/senders; {
			p, err := a.session(wire.Hello{Compress: []string{wire.Zlib}, Notices: true})
			if err != nil {
				return err
			}
			n, err := p.babble(rng, golden, a.Count/senders-sent)
			p.Close()
			if err != nil {
				return err
			}
			sent += n
			a.done.Add(int64(n))
		}
		return nil
	})
}

// babble sends up to so many random frames, as long as the server takes them, and returns how many it took. What it
// answers must be frames.
func (p *peer) babble(rng *rand.Rand, golden []wire.Frame, most int) (taken int, err error) {
	if err = p.SetDeadline(time.Now().Add(10 * patience)); err != nil {
		return 0, err
	}
	p.frames.AllowCompression()
	first, last := p.last, p.last
	var answers error
	var reader sync.WaitGroup
	reader.Go(func() {
		for answers == nil {
			var f wire.Frame
			if f, answers = p.next(); answers == nil && f.ID <= first+uint32(most) {
				last = max(last, f.ID)
			}
		}
	})
	for p.last < first+uint32(most) {
		for range min(64, first+uint32(most)-p.last) {
			p.last++
			p.out = appendRandom(p.out, rng, golden, p.last)
		}
		if p.flush() != nil {
			break // it was more than the server puts up with
		}
	}
	_ = p.Conn.(*net.TCPConn).CloseWrite() // it may be closed
	reader.Wait()
	if !isReset(answers) {
		err = answers
	}
	return int(last-first) + 1, err
}

// appendRandom appends a random frame.
func appendRandom(dst []byte, rng *rand.Rand, golden []wire.Frame, id uint32) []byte {
	f := golden[rng.IntN(len(golden))]
	for f.Type == wire.TypeStats && rng.IntN(16) > 0 { // it takes as long as a hundred others
		f = golden[rng.IntN(len(golden))]
	}
	h := wire.Header{ID: id, Type: f.Type, Flags: f.Flags &^ (wire.Compressed | wire.More)}
	body := bytes.Clone(f.Body)
	for range max(0, rng.IntN(6)-2) {
		switch rng.IntN(8) {
		case 0, 1, 2:
			if len(body) > 0 {
				body[rng.IntN(len(body))] = byte(rng.Uint32())
			}
		case 3:
			body = body[:rng.IntN(len(body)+1)]
		case 4:
			other := golden[rng.IntN(len(golden))].Body
			body = append(body[:rng.IntN(len(body)+1)], other[rng.IntN(len(other)+1):]...)
		case 5:
			h.Type = golden[rng.IntN(len(golden))].Type
		case 6:
			i := rng.IntN(len(body) + 1)
			body = slices.Insert(body, i, byte(rng.Uint32()), byte(rng.Uint32()))
		default:
			if len(body) > 0 { // a small number becomes another one
				body[rng.IntN(len(body))] += byte(rng.IntN(3)) - 1
			}
		}
	}
	h.Length = uint32(len(body))
	switch rng.IntN(10_000) { // what ends the connection is rare, or little else would be seen
	case 0:
		h.Flags = wire.Flags(rng.Uint32())
	case 1:
		h.ID = rng.Uint32()
	case 2:
		h.Length = rng.Uint32N(1 << 10)
	case 3:
		h.Length = rng.Uint32()
	case 4:
		h.Type = wire.Type(rng.Uint32())
	default:
		h.Flags |= wire.Flags(rng.IntN(4)/3) * wire.AnyOrder
		h.Flags |= wire.Flags(rng.IntN(8)/7) * wire.NoReply
	}
	return append(wire.AppendHeader(dst, h), body...)
}

// goldenFrames returns the frames that all implementations of the protocol agree on, but for the one that ends a
// session.
func goldenFrames() ([]wire.Frame, error) {
	text, err := os.ReadFile("../../wire/testdata/golden.json")
	if err != nil {
		return nil, err
	}
	var entries []struct{ Hex string }
	if err = json.Unmarshal(text, &entries); err != nil {
		return nil, err
	}
	var frames []wire.Frame
	for _, e := range entries {
		b, err := hex.DecodeString(e.Hex)
		if err != nil {
			return nil, err
		}
		h, err := wire.ParseHeader(b)
		if err != nil {
			return nil, err
		}
		if h.Type != wire.TypeGoodbye {
			frames = append(frames, wire.Frame{Header: h, Body: b[wire.HeaderBytes:]})
		}
	}
	return frames, nil
}
