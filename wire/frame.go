package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/klauspost/compress/zlib"
)

// HeaderBytes is the length of a frame's header.
const HeaderBytes = 12

// DefaultMaxFrame is the limit on the body of a frame unless something else was agreed on: 16 MiB.
const DefaultMaxFrame = 16 << 20

// A Header is what a frame begins with.
type Header struct {
	Length uint32 // bytes of the body, compressed if it is
	ID     uint32 // of the request; 0: the frame concerns the connection
	Type   Type
	Flags  Flags
}

// AppendHeader appends a header.
func AppendHeader(dst []byte, h Header) []byte {
	dst = binary.BigEndian.AppendUint32(dst, h.Length)
	dst = binary.BigEndian.AppendUint32(dst, h.ID)
	return append(dst, byte(h.Type), byte(h.Flags), 0, 0)
}

// ParseHeader reads a header. Bits that are not defined are an [Error] with ErrProtocol.
func ParseHeader(b []byte) (Header, error) {
	h := Header{
		Length: binary.BigEndian.Uint32(b), ID: binary.BigEndian.Uint32(b[4:]), Type: Type(b[8]), Flags: Flags(b[9]),
	}
	if b[9] >= 1<<4 || b[10] != 0 || b[11] != 0 {
		return h, Errorf(ErrProtocol, "a header with flags %#02x and reserved bytes %#02x%02x, which are not defined", b[9], b[10], b[11])
	}
	return h, nil
}

// BeginFrame appends the header of a frame whose body the caller appends next, to be followed by [EndFrame] with the
// length that dst had.
func BeginFrame(dst []byte, t Type, f Flags, id uint32) []byte {
	return AppendHeader(dst, Header{ID: id, Type: t, Flags: f})
}

// EndFrame completes the frame that begins at start and ends with dst.
func EndFrame(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-HeaderBytes))
	return dst
}

// A Frame is a header and its body, inflated if it was compressed.
type Frame struct {
	Header
	Body []byte
}

// Sizes of a reader's buffer. A connection that is idle, or asks little at a time, takes little memory.
const (
	leastBuffer = 4 << 10
	usualBuffer = 64 << 10
)

// A FrameReader reads frames. It gives out only bodies that [Validate] has passed, and takes memory only for bytes that
// have arrived, whatever a header announces. It is for one goroutine.
type FrameReader struct {
	from     io.Reader
	buf      []byte
	begin    int // of what is read but not given out
	end      int
	limit    int
	inflate  bool
	admit    func(plain int) error
	inflater io.ReadCloser
	inflated []byte
}

// NewFrameReader returns a reader of frames whose bodies have at most limit bytes, compressed or not.
func NewFrameReader(from io.Reader, limit int) *FrameReader {
	return &FrameReader{from: from, limit: limit}
}

// SetLimit changes the limit for the frames to come.
func (r *FrameReader) SetLimit(limit int) { r.limit = limit }

// AllowCompression lets compressed frames pass. Otherwise they are protocol errors.
func (r *FrameReader) AllowCompression() { r.inflate = true }

// AdmitInflated has f asked before a body is inflated to a length. The error that it returns is that of Next.
func (r *FrameReader) AdmitInflated(f func(plain int) error) { r.admit = f }

// Buffered returns how many bytes have arrived that Next has not given out.
func (r *FrameReader) Buffered() int { return r.end - r.begin }

// Memory returns how many bytes of memory the buffers of the reader take.
func (r *FrameReader) Memory() int { return len(r.buf) + cap(r.inflated) }

// Arriving returns how many bytes the frame has that is being read, header included, and how much memory the buffer
// will take for it; zeros while the header has not arrived.
func (r *FrameReader) Arriving() (frame, memory int) {
	if r.Buffered() < HeaderBytes {
		return 0, 0
	}
	frame = HeaderBytes + int(binary.BigEndian.Uint32(r.buf[r.begin:]))
	for memory = max(len(r.buf), leastBuffer); memory < frame; {
		memory *= 2
	}
	return frame, memory
}

// Shrink gives buffers of more than limit bytes back, unless they hold what Next has not given out. The body that Next
// returned last is not valid any more.
func (r *FrameReader) Shrink(limit int) {
	if r.begin == r.end && len(r.buf) > limit {
		r.buf = nil
		r.begin, r.end = 0, 0
	}
	if cap(r.inflated) > limit {
		r.inflated = nil
	}
}

// HasFrame reports whether Next would return without waiting for more bytes.
func (r *FrameReader) HasFrame() bool {
	n := r.Buffered()
	if n < HeaderBytes {
		return false
	}
	length := binary.BigEndian.Uint32(r.buf[r.begin:])
	return int64(n-HeaderBytes) >= int64(length) || int64(length) > int64(r.limit)
}

// Next returns the next frame; its body is valid until the next call. At the end between two frames the error is
// io.EOF, within one io.ErrUnexpectedEOF. An [Error] says what is wrong with the frame: with ErrBadMessage the header
// is valid, the frame was passed, and reading can go on; after any other error it cannot.
func (r *FrameReader) Next() (Frame, error) {
	r.Shrink(usualBuffer)
	if err := r.fill(HeaderBytes); err != nil {
		return Frame{}, err
	}
	h, err := ParseHeader(r.buf[r.begin:])
	if err != nil {
		return Frame{Header: h}, err
	}
	if int64(h.Length) > int64(r.limit) {
		return Frame{Header: h}, Errorf(ErrFrameTooLarge, "%v has %d bytes; the limit is %d", h.Type, h.Length, r.limit)
	}
	if err = r.fill(HeaderBytes + int(h.Length)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{Header: h}, err
	}
	body := r.buf[r.begin+HeaderBytes:][:h.Length:h.Length]
	r.begin += HeaderBytes + int(h.Length)
	if h.Flags.Has(Compressed) {
		if !r.inflate {
			return Frame{Header: h}, Errorf(ErrProtocol, "a compressed frame, which was not agreed on")
		}
		if body, err = r.decompress(body); err != nil {
			return Frame{Header: h}, err
		}
		h.Flags &^= Compressed
	}
	return Frame{h, body}, Validate(body)
}

// fill reads until n bytes are there. Room grows with what arrives: by doubling, not to what a header says.
func (r *FrameReader) fill(n int) error {
	for r.Buffered() < n {
		if r.begin == r.end {
			r.begin, r.end = 0, 0
		}
		if r.end == len(r.buf) || r.begin+n > len(r.buf) && r.begin > 0 {
			r.makeRoom()
		}
		got, err := r.from.Read(r.buf[r.end:])
		r.end += got
		if got == 0 && err != nil {
			if errors.Is(err, io.EOF) && r.Buffered() > 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// makeRoom moves what is there to the front and, if that gives little, doubles the buffer.
func (r *FrameReader) makeRoom() {
	n := r.Buffered()
	if n <= len(r.buf)/2 && len(r.buf) > 0 {
		copy(r.buf, r.buf[r.begin:r.end])
	} else {
		buf := make([]byte, max(leastBuffer, 2*len(r.buf)))
		copy(buf, r.buf[r.begin:r.end])
		r.buf = buf
	}
	r.begin, r.end = 0, n
}

// decompress returns what a compressed body holds: its length as 4 bytes, then a zlib stream. It takes memory for what
// the stream really holds.
func (r *FrameReader) decompress(body []byte) ([]byte, error) {
	if len(body) < 4 {
		return nil, Errorf(ErrBadMessage, "a compressed body of %d bytes", len(body))
	}
	n := int64(binary.BigEndian.Uint32(body))
	if n > int64(r.limit) {
		return nil, Errorf(ErrFrameTooLarge, "a compressed body of %d bytes; the limit is %d", n, r.limit)
	}
	var err error
	if r.admit != nil {
		if err = r.admit(int(n)); err != nil {
			return nil, err
		}
	}
	stream := bytes.NewReader(body[4:])
	if r.inflater == nil {
		r.inflater, err = zlib.NewReader(stream)
	} else {
		err = r.inflater.(zlib.Resetter).Reset(stream, nil)
	}
	if err != nil {
		return nil, Errorf(ErrBadMessage, "a compressed body: %v", err)
	}
	plain := bytes.NewBuffer(r.inflated[:0])
	if _, err = plain.ReadFrom(io.LimitReader(yielding{r.inflater}, n+1)); err != nil {
		return nil, Errorf(ErrBadMessage, "a compressed body: %v", err)
	}
	r.inflated = plain.Bytes()
	if int64(plain.Len()) != n {
		return nil, Errorf(ErrBadMessage, "a compressed body that says it holds %d bytes, and does not", n)
	}
	return r.inflated, nil
}

// yielding lets other goroutines have their turn after each part that was read, of 32 KiB at most: to inflate megabytes
// takes a while.
type yielding struct{ from io.Reader }

// Read implements io.Reader.
func (y yielding) Read(p []byte) (int, error) {
	runtime.Gosched()
	return y.from.Read(p)
}

// worthCompressing is the size of a body from which on compressing it is tried.
const worthCompressing = 1 << 10

// A Deflater compresses bodies. It is for one goroutine.
type Deflater struct {
	writer *zlib.Writer
	out    bytes.Buffer
}

// EndFrame is the function EndFrame, but for compressing the body if that makes it smaller.
func (c *Deflater) EndFrame(dst []byte, start int) []byte {
	body := dst[start+HeaderBytes:]
	if len(body) > worthCompressing {
		c.out.Reset()
		c.out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body))))
		if c.writer == nil {
			c.writer, _ = zlib.NewWriterLevel(&c.out, zlib.BestSpeed) // the level is valid
		} else {
			c.writer.Reset(&c.out)
		}
		// Writing to a Buffer does not fail.
		if _, err := c.writer.Write(body); err != nil {
			panic(fmt.Sprintf("wire: compress: %v", err))
		}
		if err := c.writer.Close(); err != nil {
			panic(fmt.Sprintf("wire: compress: %v", err))
		}
		if c.out.Len() < len(body) {
			dst[start+9] |= byte(Compressed)
			dst = append(dst[:start+HeaderBytes], c.out.Bytes()...)
		}
		if c.out.Cap() > usualBuffer {
			c.out = bytes.Buffer{}
		}
	}
	return EndFrame(dst, start)
}
