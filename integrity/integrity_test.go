package integrity

import (
	"errors"
	"fmt"
	"testing"
)

// The checksum is on disk: these are the vectors of RFC 3720, appendix B.4.
func TestCRCIsCastagnoli(t *testing.T) {
	zeros, ones, ascending := make([]byte, 32), make([]byte, 32), make([]byte, 32)
	for i := range ones {
		ones[i], ascending[i] = 0xff, byte(i)
	}
	for _, c := range []struct {
		p    []byte
		want uint32
	}{{zeros, 0x8a9136aa}, {ones, 0x62a8ab43}, {ascending, 0x46dd794e}, {[]byte("123456789"), 0xe3069283}, {nil, 0}} {
		if got := CRC(c.p); got != c.want {
			t.Errorf("CRC(%x) = %#x, want %#x", c.p, got, c.want)
		}
	}
}

func TestExtendCRCIsCRCOfBoth(t *testing.T) {
	p := []byte("the whole of it")
	for i := range len(p) + 1 {
		if got := ExtendCRC(CRC(p[:i]), p[i:]); got != CRC(p) {
			t.Errorf("cut at %d: %#x, want %#x", i, got, CRC(p))
		}
	}
}

func TestCorruptionNamesFileAndOffset(t *testing.T) {
	err := fmt.Errorf("open segment 7: %w", Corrupt("000007.wal", 32768, "checksum %#x, want %#x", 1, 2))
	want := "open segment 7: 000007.wal is damaged at offset 32768: checksum 0x1, want 0x2"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if !errors.Is(err, ErrCorruption) {
		t.Error("not an ErrCorruption")
	}
	var c *CorruptionError
	if !errors.As(err, &c) || c.File != "000007.wal" || c.Offset != 32768 {
		t.Errorf("as a CorruptionError: %+v", c)
	}
	if got := Corrupt("CURRENT-000002", -1, "empty").Error(); got != "CURRENT-000002 is damaged: empty" {
		t.Errorf("whole file: %s", got)
	}
}
