package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func ping(id uint32, body []byte) []byte {
	return EndFrame(append(BeginFrame(nil, TypePing, 0, id), body...), 0)
}

// The example of doc.go.
func TestFormatExample(t *testing.T) {
	request := []byte("\x00\x00\x00\x09\x00\x00\x00\x07\x10\x00\x00\x00" + "\x91\xc4\x06user/1")
	reply := []byte("\x00\x00\x00\x05\x00\x00\x00\x07\x80\x00\x00\x00" + "\xc4\x03Ada")
	r := NewFrameReader(bytes.NewReader(append(request, reply...)), DefaultMaxFrame)
	f, err := r.Next()
	var get Get
	if err != nil || f.Type != TypeGet || f.ID != 7 || get.Decode(f.Body) != nil || string(get.Key) != "user/1" {
		t.Fatalf("request: %+v %+v %v", f, get, err)
	}
	f, err = r.Next()
	d := NewDecoder(f.Body)
	if err != nil || f.Type != TypeOK || f.ID != 7 || string(d.Bytes("the value")) != "Ada" || d.Err() != nil {
		t.Fatalf("reply: %+v %v", f, err)
	}
	if _, err = r.Next(); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}

func TestFramesArriveInAnyPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var bodies [][]byte
	for i := range 200 {
		n := rng.IntN(300)
		if i%20 == 0 {
			n = rng.IntN(300_000)
		}
		body := AppendBin(nil, bytes.Repeat([]byte{byte(i)}, n))
		bodies = append(bodies, body)
		stream = append(stream, ping(uint32(i+1), body)...)
	}
	for name, from := range map[string]io.Reader{
		"whole": bytes.NewReader(stream), "bytes": iotest.OneByteReader(bytes.NewReader(stream)),
		"halves": iotest.HalfReader(bytes.NewReader(stream)), "errors with data": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		r := NewFrameReader(from, 1<<20)
		for i, body := range bodies {
			f, err := r.Next()
			if err != nil || f.ID != uint32(i+1) || !bytes.Equal(f.Body, body) {
				t.Fatalf("%s: frame %d: %v", name, i, err)
			}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Fatalf("%s: at the end: %v", name, err)
		}
		if n := len(r.buf); n > usualBuffer {
			t.Errorf("%s: a reader with nothing to read keeps %d bytes", name, n)
		}
	}
}

func TestTornFramesAreUnexpectedEnds(t *testing.T) {
	frame := ping(1, AppendStr(nil, "hello"))
	for n := 1; n < len(frame); n++ {
		if _, err := NewFrameReader(bytes.NewReader(frame[:n]), 100).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// A header may announce what it likes: memory is taken for what arrives.
func TestFalseLengthsTakeNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		head := AppendHeader(nil, Header{Length: DefaultMaxFrame, ID: 1, Type: TypePing})
		if _, err := NewFrameReader(bytes.NewReader(append(head, 0xc4)), DefaultMaxFrame).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("100 false headers took %d bytes", n)
	}
}

func TestBadFramesHaveTheirError(t *testing.T) {
	long := strings.Repeat("x", 2000)
	var c Deflater
	compressed := c.EndFrame(AppendStr(BeginFrame(nil, TypePing, 0, 1), long), 0)
	for _, test := range []struct {
		name  string
		frame []byte
		code  Code
	}{
		{"too large", AppendHeader(nil, Header{Length: 4001, ID: 1}), ErrFrameTooLarge},
		{"unknown flag", []byte{0, 0, 0, 0, 0, 0, 0, 1, 3, 16, 0, 0}, ErrProtocol},
		{"reserved", []byte{0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 1}, ErrProtocol},
		{"empty body", ping(1, nil), ErrBadMessage},
		{"two values", ping(1, []byte{0xc0, 0xc0}), ErrBadMessage},
		{"compressed without having agreed", compressed, ErrProtocol},
	} {
		if _, err := NewFrameReader(bytes.NewReader(test.frame), 4000).Next(); !errors.Is(err, test.code) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestCompressedFramesComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 50_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	var c Deflater
	var stream []byte
	var bodies [][]byte
	for _, v := range [][]byte{[]byte("short"), bytes.Repeat([]byte("long "), 1000), noise, bytes.Repeat([]byte("x"), 500_000)} {
		body := AppendBin(nil, v)
		start := len(stream)
		stream = c.EndFrame(append(BeginFrame(stream, TypePing, 0, 1), body...), start)
		bodies = append(bodies, body)
	}
	if len(stream) > 60_000 {
		t.Errorf("the frames take %d bytes", len(stream))
	}
	r := NewFrameReader(bytes.NewReader(stream), 1<<20)
	r.AllowCompression()
	for i, body := range bodies {
		f, err := r.Next()
		if err != nil || !bytes.Equal(f.Body, body) || f.Flags.Has(Compressed) {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
}

// What is wrong with a compressed body is noticed before it takes memory, and the frames after it are read.
func TestCompressionBombsAreRefused(t *testing.T) {
	var c Deflater
	bomb := c.EndFrame(AppendBin(BeginFrame(nil, TypePing, 0, 1), make([]byte, 8<<20)), 0)
	short := bytes.Clone(bomb)
	short[HeaderBytes+1] = 0 // says that it is smaller than it is
	torn := bytes.Clone(bomb[:len(bomb)-100])
	EndFrame(torn, 0)
	for _, test := range []struct {
		frame []byte
		code  Code
	}{{bomb, ErrFrameTooLarge}, {short, ErrBadMessage}, {torn, ErrFrameTooLarge}} {
		r := NewFrameReader(bytes.NewReader(append(bytes.Clone(test.frame), ping(2, []byte{0xc0})...)), 1<<20)
		r.AllowCompression()
		if _, err := r.Next(); !errors.Is(err, test.code) {
			t.Errorf("%v", err)
		}
		if len(r.inflated) > 2<<20 {
			t.Errorf("it took %d bytes", len(r.inflated))
		}
		if f, err := r.Next(); err != nil || f.ID != 2 {
			t.Errorf("the next frame: %v", err)
		}
	}
}

func TestPrefaces(t *testing.T) {
	p, err := ParsePreface([PrefaceBytes]byte(AppendPreface(nil)))
	if err != nil || p.Check() != nil {
		t.Fatal(err, p.Check())
	}
	if _, err = ParsePreface([PrefaceBytes]byte([]byte("GET / HT"))); !errors.Is(err, ErrNotMiddb) {
		t.Fatal(err)
	}
	p, err = ParsePreface([PrefaceBytes]byte([]byte("MIDB\x02\x00\x00\x00")))
	if err != nil || !errors.Is(p.Check(), ErrUnsupportedVersion) {
		t.Fatal(err, p.Check())
	}
}

// FuzzFrames: no stream panics a reader, takes much memory, or yields a body that the decoders choke on.
func FuzzFrames(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.frame())
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewFrameReader(bytes.NewReader(stream), 1<<16)
		r.AllowCompression()
		for {
			frame, err := r.Next()
			if err != nil && !errors.Is(err, ErrBadMessage) {
				break
			}
			if err == nil {
				decodeAnyhow(t, frame.Body)
			}
		}
		if len(r.buf) > 1<<18 {
			t.Fatalf("%d bytes for a stream of %d", len(r.buf), len(stream))
		}
	})
}

// decodeAnyhow has every decoder read a body, whatever it is.
func decodeAnyhow(t *testing.T, body []byte) {
	t.Helper()
	for _, e := range examples() {
		d, ok := e.message.(decodable)
		if !ok {
			continue
		}
		if err := d.Decode(body); err != nil && !errors.Is(err, ErrBadMessage) {
			t.Fatalf("%s: %v", e.name, err)
		}
	}
	if _, err := DecodeList[Session](body); err != nil && !errors.Is(err, ErrBadMessage) {
		t.Fatal(err)
	}
	if r, err := NewRowReader(body, false); err == nil {
		for more := true; more; {
			_, _, more, _ = r.Next()
		}
	}
}
