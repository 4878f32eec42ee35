package sstable

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A Compression says how blocks are stored. On disk; never renumber.
type Compression uint8

// The codecs. A block that a codec does not shrink by an eighth is stored with None whatever the
// table's compression is.
const (
	None Compression = 0
	S2   Compression = 1 // fast both ways
	LZ4  Compression = 2
	Zstd Compression = 3 // smaller, slower

	numCompressions = 4
)

// String returns the name of the codec.
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case S2:
		return "s2"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	default:
		return fmt.Sprintf("compression(%d)", uint8(c))
	}
}

// maxCompressible is the largest block worth compressing: beyond it, the memory for the
// compressed copy costs more than the disk space.
const maxCompressible = 16 << 20

// zstdEncoder and zstdDecoder are shared: their EncodeAll and DecodeAll are safe for concurrent
// use and start no goroutines.
var (
	zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
			zstd.WithWindowSize(64<<10), zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
	})
	zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true),
			zstd.WithDecoderMaxMemory(maxRawBlock), zstd.IgnoreChecksum(true))
	})
	lz4Compressors = sync.Pool{New: func() any { return new(lz4.Compressor) }}
)

// compress stores the compressed form of src in dst's memory, growing it as needed, and reports
// whether that pays. It returns dst with whatever memory it has now.
func compress(dst, src []byte, c Compression) (out []byte, ok bool, err error) {
	if c == None || len(src) > maxCompressible {
		return dst[:0], false, nil
	}
	limit := len(src) - len(src)/8
	switch c {
	case S2:
		if n := s2.MaxEncodedLen(len(src)); cap(dst) < n {
			dst = make([]byte, n)
		}
		out = s2.Encode(dst[:cap(dst)], src)
	case LZ4:
		if n := lz4.CompressBlockBound(len(src)); cap(dst) < n {
			dst = make([]byte, n)
		}
		lc := lz4Compressors.Get().(*lz4.Compressor)
		n, e := lc.CompressBlock(src, dst[:cap(dst)])
		lz4Compressors.Put(lc)
		if e != nil {
			return dst[:0], false, fmt.Errorf("compress with lz4: %w", e)
		}
		if n == 0 {
			return dst[:0], false, nil
		}
		out = dst[:n]
	case Zstd:
		enc, e := zstdEncoder()
		if e != nil {
			return dst[:0], false, fmt.Errorf("make a zstd encoder: %w", e)
		}
		out = enc.EncodeAll(src, dst[:0])
	default:
		return dst[:0], false, fmt.Errorf("unknown %v", c)
	}
	return out, len(out) <= limit, nil
}

// decompress fills dst, whose length is the length of the block before compression.
func decompress(dst, src []byte, c Compression) error {
	var n int
	switch c {
	case None:
		n = copy(dst, src)
		if len(src) != len(dst) {
			n = len(src)
		}
	case S2:
		declared, err := s2.DecodedLen(src)
		if err != nil {
			return err
		}
		if declared == len(dst) {
			out, err := s2.Decode(dst, src)
			if err != nil {
				return err
			}
			n = len(out)
		} else {
			n = declared
		}
	case LZ4:
		var err error
		if n, err = lz4.UncompressBlock(src, dst); err != nil {
			return err
		}
	case Zstd:
		dec, err := zstdDecoder()
		if err != nil {
			return err
		}
		out, err := dec.DecodeAll(src, dst[:0:len(dst)])
		if err != nil {
			return err
		}
		n = len(out)
	default:
		return fmt.Errorf("unknown codec %d", uint8(c))
	}
	if n != len(dst) {
		return fmt.Errorf("block has %d bytes, want %d", n, len(dst))
	}
	return nil
}

// appendTrailer completes a stored block: dst[start:] is its payload, to be found at offset.
func appendTrailer(dst []byte, start, raw int, c Compression, fileNum, offset uint64) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(raw))
	dst = append(dst, byte(c))
	return binary.LittleEndian.AppendUint32(dst, blockChecksum(fileNum, offset, dst[start:]))
}

// A storedBlock is a block as it was read, its checksum verified.
type storedBlock struct {
	payload []byte
	raw     int // length before compression
	codec   Compression
}

// openStored verifies a stored block that was read from offset. The result aliases p.
func openStored(p []byte, file corruptor, fileNum, offset uint64) (storedBlock, error) {
	n := len(p) - trailerBytes
	if n < 0 {
		return storedBlock{}, file.at(offset, "block of %d bytes is shorter than its trailer", len(p))
	}
	want := binary.LittleEndian.Uint32(p[n+5:])
	if got := blockChecksum(fileNum, offset, p[:n+5]); got != want {
		return storedBlock{}, file.at(offset, "block checksum %08x, want %08x", got, want)
	}
	s := storedBlock{payload: p[:n], raw: int(binary.LittleEndian.Uint32(p[n:])), codec: Compression(p[n+4])}
	if s.raw > maxRawBlock {
		return storedBlock{}, file.at(offset, "block of %d bytes exceeds the limit", s.raw)
	}
	if s.codec >= numCompressions {
		return storedBlock{}, file.at(offset, "unknown codec %d", s.codec)
	}
	return s, nil
}
