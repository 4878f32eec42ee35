package catalog

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// pow10 has the powers of ten that an int64 can hold.
var pow10 = func() (p [MaxPrecision + 1]int64) {
	for i := range p {
		p[i] = 1
		if i > 0 {
			p[i] = 10 * p[i-1]
		}
	}
	return p
}()

// decimalFloat returns the float64 that is nearest to n / 10^scale.
func decimalFloat(n int64, scale uint8) float64 {
	const exact = 1 << 53
	if n > -exact && n < exact && pow10[scale] < exact {
		return float64(n) / float64(pow10[scale]) // one rounding, of two numbers without any
	}
	f, _ := strconv.ParseFloat(string(appendDecimal(nil, n, scale)), 64)
	return f
}

// appendDecimal appends n / 10^scale in decimal digits.
func appendDecimal(dst []byte, n int64, scale uint8) []byte {
	u := uint64(n)
	if n < 0 {
		dst, u = append(dst, '-'), -u
	}
	p := uint64(pow10[scale])
	if dst = strconv.AppendUint(dst, u/p, 10); scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	from := len(dst)
	dst = strconv.AppendUint(dst, p+u%p, 10) // p in front, for the zeros
	dst[from] = '0'
	return append(dst[:from], dst[from+1:]...)
}

// rescale returns n / 10^from in units of 10^-to, rounded half away from zero, and whether an int64 can hold that.
func rescale(n int64, from, to uint8) (int64, bool) {
	if to >= from {
		p := pow10[to-from]
		m := n * p
		return m, m/p == n
	}
	p := pow10[from-to]
	q, r := n/p, n%p
	switch {
	case r >= p-r && r > 0:
		q++
	case -r >= p+r && r < 0:
		q--
	}
	return q, true
}

// fits reports whether an unscaled number has at most so many digits.
func fits(n int64, precision uint8) bool {
	return precision >= MaxPrecision+1 || n < pow10[precision] && n > -pow10[precision]
}

// parseDecimal reads digits with a sign, a point and an exponent, as a number in units of 10^-scale, rounded half away
// from zero. It reports whether the text is a number, and whether an int64 can hold it.
func parseDecimal(text string, scale uint8) (n int64, number, fit bool) {
	s := text
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	exponent := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.ParseInt(s[i+1:], 10, 16)
		if err != nil {
			return 0, false, false
		}
		s, exponent = s[:i], int(e)
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false, false
	}
	keep := len(whole) + exponent + int(scale) // so many digits are before the last that counts
	digits, keep = trimZeros(digits, keep)
	if digits == "" || keep < 0 {
		return 0, true, true
	}
	if keep > MaxPrecision+1 {
		return 0, true, false
	}
	up := keep < len(digits) && digits[keep] >= '5'
	digits += strings.Repeat("0", max(0, keep-len(digits)))
	u, err := strconv.ParseUint("0"+digits[:keep], 10, 64)
	if up {
		u++
	}
	if err != nil || u > math.MaxInt64 {
		return 0, true, false
	}
	if n = int64(u); negative {
		n = -n
	}
	return n, true, true
}

// trimZeros takes zeros off the beginning of digits, of which so many count.
func trimZeros(digits string, keep int) (rest string, left int) {
	rest = strings.TrimLeft(digits, "0")
	return rest, keep - (len(digits) - len(rest))
}

// compareDecimals compares a / 10^as with b / 10^bs.
func compareDecimals(a int64, as uint8, b int64, bs uint8) int {
	if as == bs {
		return compare(a, b)
	}
	if (a < 0) != (b < 0) {
		return compare(a, b)
	}
	ua, ub := magnitude(a), magnitude(b)
	pa, pb := uint64(1), uint64(1)
	if as < bs {
		pa = uint64(pow10[bs-as])
	} else {
		pb = uint64(pow10[as-bs])
	}
	ah, al := bits.Mul64(ua, pa)
	bh, bl := bits.Mul64(ub, pb)
	c := compare(ah, bh)
	if c == 0 {
		c = compare(al, bl)
	}
	if a < 0 {
		return -c
	}
	return c
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// compareDecimalFloat compares n / 10^scale with f, exactly.
func compareDecimalFloat(n int64, scale uint8, f float64) int {
	switch {
	case f != f || f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole, fraction := math.Modf(f)
	if c := compare(n/pow10[scale], int64(whole)); c != 0 {
		return c // to cut both off does not turn them around
	}
	rest := n % pow10[scale]
	if rest == 0 || fraction == 0 || (rest < 0) != (fraction < 0) {
		return compare(float64(rest), fraction)
	}
	c := compareFractions(magnitude(rest), scale, math.Abs(fraction))
	if rest < 0 {
		return -c
	}
	return c
}

// compareFractions compares n / 10^scale with f, which are both below 1 and not 0.
func compareFractions(n uint64, scale uint8, f float64) int {
	m, exponent := math.Frexp(f)
	mantissa, k := uint64(m*(1<<53)), 53-exponent // f is mantissa / 2^k
	zeros := bits.TrailingZeros64(mantissa)
	mantissa, k = mantissa>>zeros, k-zeros
	if k > 64 { // a tiny f, or many digits: rare
		return big.NewRat(int64(n), pow10[scale]).Cmp(new(big.Rat).SetFloat64(f))
	}
	ah, al := n>>(64-k), n<<k
	bh, bl := bits.Mul64(mantissa, uint64(pow10[scale]))
	if c := compare(ah, bh); c != 0 {
		return c
	}
	return compare(al, bl)
}
