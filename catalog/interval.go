package catalog

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// IntervalOf returns an Interval of months, days and microseconds. They do not become each other: a month has no fixed
// number of days, and a day no fixed number of hours.
func IntervalOf(months, days int32, micros int64) Value {
	v := Value{kind: Interval, n: micros}
	if months != 0 || days != 0 {
		b := binary.BigEndian.AppendUint32(nil, uint32(months))
		v.s = string(binary.BigEndian.AppendUint32(b, uint32(days)))
	}
	return v
}

// AsInterval returns the parts of an Interval, and zeros of all others.
func (v Value) AsInterval() (months, days int32, micros int64) {
	if v.kind != Interval {
		return 0, 0, 0
	}
	if len(v.s) == 8 {
		months = int32(binary.BigEndian.Uint32(raw(v.s)))
		days = int32(binary.BigEndian.Uint32(raw(v.s)[4:]))
	}
	return months, days, v.n
}

// IntervalSpan returns how long an Interval is with months of 30 days and days of 24 hours, as whole days and the
// microseconds, from 0 on, of the last one. Intervals that Compare finds equal have the same.
func (v Value) IntervalSpan() (days, micros int64) {
	m, d, n := v.AsInterval()
	whole := floorDiv(n, dayMicros)
	return int64(m)*30 + int64(d) + whole, n - whole*dayMicros
}

func compareIntervals(a, b Value) int {
	ad, am := a.IntervalSpan()
	bd, bm := b.IntervalSpan()
	if c := compare(ad, bd); c != 0 {
		return c
	}
	return compare(am, bm)
}

// appendInterval writes an Interval as PostgreSQL does: 1 year 2 mons -3 days +04:05:06.7.
func appendInterval(dst []byte, v Value) []byte {
	months, days, micros := v.AsInterval()
	begin, negative := len(dst), false
	part := func(n int32, unit string) {
		if n == 0 {
			return
		}
		if len(dst) > begin {
			dst = append(dst, ' ')
		}
		if negative && n > 0 {
			dst = append(dst, '+')
		}
		dst = append(strconv.AppendInt(dst, int64(n), 10), unit...)
		if n != 1 {
			dst = append(dst, 's')
		}
		negative = n < 0
	}
	part(months/12, " year")
	part(months%12, " mon")
	part(days, " day")
	if micros == 0 && len(dst) > begin {
		return dst
	}
	if len(dst) > begin {
		dst = append(dst, ' ')
	}
	switch {
	case micros < 0:
		dst = append(dst, '-')
	case negative:
		dst = append(dst, '+')
	}
	u := magnitude(micros)
	seconds := u / 1e6
	dst = fmt.Appendf(dst, "%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if fraction := u % 1e6; fraction != 0 {
		dst = fmt.Appendf(dst, ".%06d", fraction)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return dst
}
