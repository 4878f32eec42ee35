package levels

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/middb/middb/sstable"
)

// TestPicker runs the scripts in testdata/picker. The command
//
//	levels
//	L0 7:a-f*10 6:c-d*10/3
//	L6 1:a-c*100/0s
//
// draws a Version: number, bounds, size in MiB, of ten entries per MiB how many are tombstones, and
// properties: "s" for tables that are not compressed as the last level should be, "r" for a range delete,
// "x" for entries that have all expired, "e" for entries of which some have and some have not;
// 1:a-c*5~300 has 300 entries. The commands pick, settle and
// manual print what the Picker chooses; with the argument claim the choice is claimed, and release
// ends all claims. state prints base level, scores and debt.
func TestPicker(t *testing.T) {
	datadriven.Walk(t, "testdata/picker", func(t *testing.T, path string) {
		v := &Version{}
		var claims Claims
		p := NewPicker(PickerOptions{LastCompression: sstable.Zstd})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var c *Compaction
			switch d.Cmd {
			case "levels":
				claims = nil
				v = drawVersion(t, d)
				return ""
			case "state":
				return describe(p, v, claims)
			case "release":
				claims = nil
				return ""
			case "pick":
				var level int
				d.ScanArgs(t, "level", &level)
				c, _ = p.Pick(v, claims, level, scriptNow)
			case "settle":
				c, _ = p.Settle(v, claims, scriptNow)
			case "manual":
				var lower, upper string
				asOf := uint64(1 << 50)
				d.MaybeScanArgs(t, "lower", &lower)
				d.MaybeScanArgs(t, "upper", &upper)
				d.MaybeScanArgs(t, "asof", &asOf)
				var blocked bool
				c, blocked = p.Manual(v, claims, bound(lower), bound(upper), asOf, scriptNow)
				if blocked {
					return "blocked\n"
				}
			default:
				d.Fatalf(t, "unknown command")
			}
			if c == nil {
				return "nothing\n"
			}
			if d.HasArg("claim") {
				claims = append(claims, c)
			}
			return c.String() + "\n"
		})
	})
}

func bound(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func drawVersion(t *testing.T, d *datadriven.TestData) *Version {
	var levels [NumLevels][]*Table
	for _, line := range strings.Split(d.Input, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		var l int
		if _, err := fmt.Sscanf(fields[0], "L%d", &l); err != nil {
			d.Fatalf(t, "%q: %v", line, err)
		}
		for _, f := range fields[1:] {
			levels[l] = append(levels[l], drawTable(t, d, f))
		}
	}
	v, err := NewVersion(levels)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return v
}

func drawTable(t *testing.T, d *datadriven.TestData, s string) *Table {
	m := TableMeta{Compression: sstable.Zstd}
	digits := strings.LastIndexAny(s, "0123456789") + 1
	s, properties := s[:digits], s[digits:]
	s, dead, _ := strings.Cut(s, "/")
	_, _ = fmt.Sscan(dead, &m.Tombstones)
	head, size, _ := strings.Cut(s, "*")
	size, entries, dense := strings.Cut(size, "~")
	var mib int64
	if _, err := fmt.Sscan(size, &mib); err != nil {
		d.Fatalf(t, "%q: %v", s, err)
	}
	num, bounds, _ := strings.Cut(head, ":")
	if _, err := fmt.Sscan(num, &m.Num); err != nil {
		d.Fatalf(t, "%q: %v", s, err)
	}
	lo, hi, _ := strings.Cut(bounds, "-")
	m.Smallest, m.Largest = []byte(lo), []byte(hi)
	m.Size, m.Entries, m.Tombstones = mib<<20, mib*10, m.Tombstones*mib
	m.MinSeq, m.MaxSeq = m.Num, m.Num
	if dense {
		if _, err := fmt.Sscan(entries, &m.Entries); err != nil {
			d.Fatalf(t, "%q: %v", s, err)
		}
	}
	for _, p := range properties {
		switch p {
		case 's':
			m.Compression = sstable.S2
		case 'r':
			m.Ranges++
		case 'x':
			m.Expiring, m.EarliestExpiry, m.LatestExpiry = m.Entries, scriptNow-50, scriptNow
		case 'e':
			m.Expiring, m.EarliestExpiry, m.LatestExpiry = m.Entries, scriptNow-50, scriptNow+50
		default:
			d.Fatalf(t, "%q: unknown property %q", s, p)
		}
	}
	return (&Tables{}).NewTable(m)
}

// scriptNow is the time in the scripts.
const scriptNow = 1000

func describe(p *Picker, v *Version, claims Claims) string {
	var sb strings.Builder
	s := p.shape(v)
	fmt.Fprintf(&sb, "base L%d, debt %d MiB\n", s.base, (p.Debt(v)+1<<20-1)>>20)
	for l, score := range p.Scores(v, claims) {
		if len(v.Levels[l]) == 0 && l != s.base {
			continue
		}
		fmt.Fprintf(&sb, "L%d: %d MiB, score %.2f", l, v.bytes[l]>>20, score)
		if l >= s.base && l < lastLevel {
			fmt.Fprintf(&sb, ", target %.0f MiB", s.target[l]/(1<<20))
		}
		sb.WriteByte('\n')
	}
	return sb.String()
}
