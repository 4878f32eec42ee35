package token

import "strings"

// StartsName reports whether a name without quotes can begin with the byte: letters, _, and whatever is not ASCII.
func StartsName(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

// ContinuesName reports whether the byte can be in a name without quotes, behind its first.
func ContinuesName(c byte) bool {
	return StartsName(c) || c >= '0' && c <= '9' || c == '$'
}

// QuoteColumn returns the name as SQL has it for a column or a table: in quotes if it would else be read differently.
func QuoteColumn(name string) string { return quote(name, FunctionName) }

// QuoteFunction returns the name as SQL has it for a function.
func QuoteFunction(name string) string { return quote(name, ColumnName) }

// quote returns the name, in quotes unless it is plain and, if it is a keyword, Unreserved or of the class that is
// not refused.
func quote(name string, refused Class) string {
	if plain(name) {
		if c := Lookup(name).Class(); c != Reserved && c != refused {
			return name
		}
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// plain reports whether the name stays the same when it is read without quotes.
func plain(name string) bool {
	if name == "" || !StartsName(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !ContinuesName(c) || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}
