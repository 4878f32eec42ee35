package resp

// splitWords appends the words of a line, which it changes: they are separated by blanks, and may be in double
// quotes, with escapes as in C and \xHH, or in single quotes, where only \' is one. It reports false if a quote
// has no end, or no blank after it.
func splitWords(dst [][]byte, line []byte) (_ [][]byte, ok bool) {
	for i := 0; ; {
		for i < len(line) && blank(line[i]) {
			i++
		}
		if i == len(line) {
			return dst, true
		}
		word, n, ok := takeWord(line[i:])
		if !ok {
			return dst, false
		}
		dst = append(dst, word)
		i += n
	}
}

func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0 }

// takeWord returns the word at the beginning of line, in the memory of line, and how much it took.
func takeWord(line []byte) (word []byte, n int, ok bool) {
	out := 0
	var quote byte
	for n < len(line) {
		c := line[n]
		n++
		switch {
		case quote == 0 && blank(c):
			return line[:out:out], n, true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
			continue
		case quote != 0 && c == quote:
			if n < len(line) && !blank(line[n]) {
				return nil, 0, false
			}
			return line[:out:out], n, true
		case quote == '\'' && c == '\\' && n < len(line) && line[n] == '\'':
			c = '\''
			n++
		case quote == '"' && c == '\\' && n < len(line):
			var used int
			c, used = unescape(line[n:])
			n += used
		}
		line[out] = c
		out++
	}
	return line[:out:out], n, quote == 0
}

// unescape returns the character that an escape, without its backslash, stands for, and its length.
func unescape(s []byte) (c byte, n int) {
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	case 'x':
		if len(s) >= 3 {
			hi, ok1 := hexDigit(s[1])
			lo, ok2 := hexDigit(s[2])
			if ok1 && ok2 {
				return hi<<4 | lo, 3
			}
		}
	}
	return s[0], 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
