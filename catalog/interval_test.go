package catalog

import (
	"math/rand/v2"
	"testing"
)

// The values are those that PostgreSQL prints.
func TestIntervalsAreReadAndPrintedAsPostgreSQLDoes(t *testing.T) {
	for _, c := range []struct{ text, unit, want string }{
		{"90 day", "", "90 days"},
		{"90", "DAY", "90 days"},
		{"3", "MONTH", "3 mons"},
		{"1", "YEAR", "1 year"},
		{"1 year 2 mons", "", "1 year 2 mons"},
		{"1 day 02:03:04", "", "1 day 02:03:04"},
		{"-1 day +02:03", "", "-1 days +02:03:00"},
		{"1 year -2 mons 3 days", "", "10 mons 3 days"},
		{"-1 year -2 mons +3 days", "", "-1 years -2 mons +3 days"},
		{"1-2", "YEAR TO MONTH", "1 year 2 mons"},
		{"1-2", "", "1 year 2 mons"},
		{"-1-2", "", "-1 years -2 mons"},
		{"P1Y2M3DT4H5M6.7S", "", "1 year 2 mons 3 days 04:05:06.7"},
		{"P1W", "", "7 days"},
		{"pt-1h", "", "-01:00:00"},
		{"1.5 years", "", "1 year 6 mons"},
		{"1.5 months", "", "1 mon 15 days"},
		{"1.5 days", "", "1 day 12:00:00"},
		{"1.5", "DAY", "1 day"},
		{"1.5 weeks", "", "10 days 12:00:00"},
		{"1h30m", "", "01:30:00"},
		{"5", "", "00:00:05"},
		{"100 hours", "", "100:00:00"},
		{"1:30", "MINUTE TO SECOND", "00:01:30"},
		{"1:30", "HOUR TO MINUTE", "01:30:00"},
		{"1 day 02:03:04", "DAY TO HOUR", "1 day 02:00:00"},
		{"0.000001", "", "00:00:00.000001"},
		{"2 days ago", "", "-2 days"},
		{"@ 1 hour", "", "01:00:00"},
		{"1 century 2 decades", "", "120 years"},
		{"1 millisecond 7 us", "", "00:00:00.001007"},
		{"0", "", "00:00:00"},
		{"", "", "ERROR"},
		{"x", "", "ERROR"},
		{"1 fortnight", "", "ERROR"},
		{"1 day 2", "", "1 day 00:00:02"},
		{"1:2:3:4", "", "ERROR"},
		{"01:60", "", "ERROR"},
		{"P", "", "ERROR"},
		{"P1", "", "ERROR"},
		{"PT", "", "ERROR"},
		{"99999999999 years", "", "ERROR"},
		{"1e5 days", "", "ERROR"},
		{"--1 day", "", "ERROR"},
		{"day", "", "ERROR"},
	} {
		v, err := ParseInterval(c.text, c.unit)
		got := v.String()
		if err != nil {
			got = "ERROR"
		}
		if got != c.want {
			t.Errorf("%q %s: got %s (%v), want %s", c.text, c.unit, got, err, c.want)
		}
	}
}

func TestIntervalsAreWhatTheyPrint(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		v := IntervalOf(int32(r.Uint32()), int32(r.Uint32())>>r.IntN(32), int64(r.Uint64())>>r.IntN(63))
		w, err := Parse(Type{Kind: Interval}, v.String())
		if err != nil || Compare(v, w) != 0 || v.String() != w.String() {
			t.Fatalf("seed %d: %s is read as %s, %v", seed, v, w, err)
		}
	}
}

func TestIntervalsCompareByTheirSpan(t *testing.T) {
	read := func(s string) Value {
		v, err := ParseInterval(s, "")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	ascending := []string{"-1 year", "-31 days", "-1 us", "0", "1 us", "23:59:59", "1 day", "24:00:01", "29 days", "1 mon", "30 days 1 us", "31 days", "1 year"}
	for i, a := range ascending {
		for j, b := range ascending {
			if got, want := Compare(read(a), read(b)), compare(i, j); got != want {
				t.Errorf("%s and %s: got %d, want %d", a, b, got, want)
			}
		}
	}
	for _, equal := range [][2]string{{"1 mon", "30 days"}, {"1 day", "24:00:00"}, {"-1 day", "-24 hours"}, {"1 mon -1 day", "29 days"}} {
		if Compare(read(equal[0]), read(equal[1])) != 0 {
			t.Errorf("%v differ", equal)
		}
	}
}

func FuzzParseInterval(f *testing.F) {
	for _, s := range []string{"1 year 2 mons", "P1Y2M3DT4H5M6.7S", "1h30m", "-1 day +02:03", "1-2", "2 days ago"} {
		f.Add(s, "DAY TO SECOND")
	}
	f.Fuzz(func(t *testing.T, text, unit string) {
		v, err := ParseInterval(text, unit)
		if err != nil {
			return
		}
		if w, err := ParseInterval(v.String(), ""); err != nil || Compare(v, w) != 0 {
			t.Errorf("%q is %s, which is read as %s, %v", text, v, w, err)
		}
	})
}
