package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// everything are commands of all kinds, in three keyspaces.
var everything = [3]string{`
put a 1
put hex:00 zero
put hex:ff00 high
put m base
put old 1
put e 1 ttl 1h
incr n 5
use users
put ada 1
put bob 2
put cid 3 ttl 100h
append log one
use gone
put x 1
`, `
use default
delrange b f
append m +1
incr n 2
put e 2 ttl 2h
use users
delrange --prefix b
append log " two"
append cid x
use gone
put y 1
use default
drop gone
`, `
use default
put b again
append m +2
incr n
delete old
use users
put bea 4
append log " three"
ttl ada 30h
delrange c d
use later
put z 1
`}

// answers is all that can be asked of the database.
func answers(t *testing.T, dir, db string) string {
	t.Helper()
	return must(t, dir, `
scan
count n
ttl e
keyspaces
use users
scan
scan --reverse
ttl ada
get log
use later
scan
`, "local", db)
}

// TestRepairedDatabaseAnswersTheSame repairs databases that are not damaged, with what was written in the log, in
// tables of level 0 and in the last level.
func TestRepairedDatabaseAnswersTheSame(t *testing.T) {
	for name, settle := range map[string][2]string{
		"log":     {"", ""},
		"level 0": {"flush", "flush"},
		"bottom":  {"compact", "flush"},
		"mixed":   {"compact", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, dir, everything[0]+settle[0]+everything[1]+settle[1]+everything[2], "local", "db")
			want := answers(t, dir, "db")
			for _, answer := range []string{"\nm\tbase+1+2\n", "b\tagain\n", "\\x00\tzero\n", "\n8\n", "\none two three\n", "cid"} {
				if strings.Contains(want, answer) != (answer != "cid") {
					t.Fatalf("the database answers\n%s; is %q in it?", want, answer)
				}
			}
			out := must(t, dir, "", "repair", "db", "--to", "saved")
			if !strings.Contains(out, "0 damaged") || !strings.Contains(out, "missing in 0 places") || strings.Contains(out, "lost") {
				t.Errorf("repair: %s", out)
			}
			if got := answers(t, dir, "saved"); got != want {
				t.Errorf("the saved database answers\n%s, the old one\n%s", got, want)
			}
			if out := must(t, dir, "", "verify", "saved"); !strings.Contains(out, "all is well") {
				t.Errorf("verify: %s", out)
			}
			// What is made now is apart from all that was there.
			if got := must(t, dir, "use fresh\nscan\nuse gone\nscan\nkeyspaces\n", "local", "saved"); got != "OK\nOK\ndefault\nfresh\ngone\nlater\nusers\n" {
				t.Errorf("a new keyspace: %s", got)
			}
		})
	}
}

func TestRepairOfADamagedLogSavesEveryKind(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, everything[0]+"put "+strings.Repeat("k", 2000)+" lost\n"+everything[1]+everything[2], "local", "db")
	flip(t, dir, "db/*.wal")
	out := must(t, dir, "", "repair", "db", "--to", "saved")
	if !strings.Contains(out, "checksum mismatch") {
		t.Errorf("repair: %s", out)
	}
	got := answers(t, dir, "saved")
	for _, want := range []string{"m\tbase+1+2\n", "b\tagain\n", "\n8\n", "one two three"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in what was saved:\n%s", want, got)
		}
	}
}

func TestInspectPrintsEveryKindOfOperation(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, everything[0]+everything[1], "local", "db")
	inspectShows(t, dir, "log", "db/*.wal",
		`put "a" = "1"`, `delete "\x00\x00\x00\x00\x00\x00keyspace/gone"`, `range-delete "b" to "f"`,
		`merge "n": counter +5`, `merge "m": append "+1"`, `put-with-expiry "e" = "2" until 20`,
		`range-delete "\x00\x00\x00\x00\x00\x01b" to "\x00\x00\x00\x00\x00\x01c"`)
	must(t, dir, "", "compact", "--data-dir", "db")
	must(t, dir, "delrange a b\nappend log x\nincr n -7\nflush\n", "local", "db")
	inspectShows(t, dir, "sstable", "db/*.sst",
		`put, 1 bytes: "1"`, `put-with-expiry, 9 bytes: "2" until 20`, `append "x"`, `counter -7`, `range delete "a" to "b"`)
}

// inspectShows prints the files that match a pattern, and looks for lines in that.
func inspectShows(t *testing.T, dir, kind, pattern string, lines ...string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, name := range names {
		out += must(t, dir, "", "inspect", kind, "--verbose", name)
	}
	for _, want := range lines {
		if !strings.Contains(out, want) {
			t.Errorf("inspect %s does not show %s:\n%s", kind, want, out)
		}
	}
}
