package resp

// A pattern is a glob as KEYS and SCAN take it: * stands for any bytes, ? for one, [ab-d] for one of a set and [^a] for
// one that is not, and \ takes the next byte as it is.
type pattern []byte

// prefix returns what everything that matches begins with.
func (p pattern) prefix() []byte {
	for i, c := range p {
		switch c {
		case '*', '?', '[', '\\':
			return p[:i]
		}
	}
	return p
}

// matches reports whether s matches, in time of at most the product of the lengths: when a part behind a * fits
// nowhere, no earlier * can help.
func (p pattern) matches(s []byte) bool {
	i, j := 0, 0        // in p and s
	star, from := -1, 0 // behind the last *, and where in s it was tried
	for j < len(s) || i < len(p) {
		if i < len(p) && p[i] == '*' {
			i++
			star, from = i, j
			continue
		}
		if i < len(p) && j < len(s) {
			if n, ok := p[i:].one(s[j]); ok {
				i, j = i+n, j+1
				continue
			}
		}
		if star < 0 || from >= len(s) {
			return false
		}
		from++
		i, j = star, from
	}
	return true
}

// one reports whether the first element of the pattern, which is not *, matches c, and how long it is.
func (p pattern) one(c byte) (n int, ok bool) {
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		return p.class(c)
	case '\\':
		if len(p) > 1 {
			return 2, p[1] == c
		}
	}
	return 1, p[0] == c
}

// class reports whether the set that the pattern begins with has c, and how long it is. One without an end ends with
// the pattern.
func (p pattern) class(c byte) (n int, ok bool) {
	i := 1
	negated := i < len(p) && p[i] == '^'
	if negated {
		i++
	}
	for ; i < len(p) && p[i] != ']'; i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			ok = ok || p[i] == c
		case i+2 < len(p) && p[i+1] == '-':
			lo, hi := min(p[i], p[i+2]), max(p[i], p[i+2])
			ok = ok || lo <= c && c <= hi
			i += 2
		default:
			ok = ok || p[i] == c
		}
	}
	return min(i+1, len(p)), ok != negated
}
