package token

import "strings"

// A Keyword is a word with a meaning of its own. The zero Keyword is none.
type Keyword uint8

// A Class says where a keyword can be a name without quotes.
type Class uint8

// The classes of keywords, those of PostgreSQL.
const (
	Unreserved   Class = iota // anywhere, as a word that is no keyword
	ColumnName                // as a column or table, but not as a function
	FunctionName              // as a function or type, but not as a column
	Reserved                  // nowhere
)

// The keywords. More may come with more statements; the numbers are not kept anywhere.
const (
	_ Keyword = iota
	All
	Analyse
	Analyze
	And
	Any
	Array
	As
	Asc
	Asymmetric
	Both
	Case
	Cast
	Check
	Collate
	Column
	Constraint
	Create
	CurrentCatalog
	CurrentDate
	CurrentRole
	CurrentTime
	CurrentTimestamp
	CurrentUser
	Default
	Deferrable
	Desc
	Distinct
	Do
	Else
	End
	Except
	False
	Fetch
	For
	Foreign
	From
	Grant
	Group
	Having
	In
	Initially
	Intersect
	Into
	Lateral
	Leading
	Limit
	Localtime
	Localtimestamp
	Not
	Null
	Offset
	On
	Only
	Or
	Order
	Placing
	Primary
	References
	Returning
	Select
	SessionUser
	Some
	Symmetric
	SystemUser
	Table
	Then
	To
	Trailing
	True
	Union
	Unique
	User
	Using
	Variadic
	When
	Where
	Window
	With
	Authorization
	Binary
	Collation
	Concurrently
	Cross
	CurrentSchema
	Freeze
	Full
	Ilike
	Inner
	Is
	Isnull
	Join
	Left
	Like
	Natural
	Notnull
	Outer
	Overlaps
	Right
	Similar
	Tablesample
	Verbose
	Between
	Exists
	Extract
	Interval
	Position
	Row
	Substring
	Trim
	Values
	At
	Date
	Escape
	Filter
	Over
	Timestamp
	Unknown
	Within
	keywords // how many there are, and one
)

var spellings = [keywords]struct {
	word  string
	class Class
}{
	All:              {"all", Reserved},
	Analyse:          {"analyse", Reserved},
	Analyze:          {"analyze", Reserved},
	And:              {"and", Reserved},
	Any:              {"any", Reserved},
	Array:            {"array", Reserved},
	As:               {"as", Reserved},
	Asc:              {"asc", Reserved},
	Asymmetric:       {"asymmetric", Reserved},
	Both:             {"both", Reserved},
	Case:             {"case", Reserved},
	Cast:             {"cast", Reserved},
	Check:            {"check", Reserved},
	Collate:          {"collate", Reserved},
	Column:           {"column", Reserved},
	Constraint:       {"constraint", Reserved},
	Create:           {"create", Reserved},
	CurrentCatalog:   {"current_catalog", Reserved},
	CurrentDate:      {"current_date", Reserved},
	CurrentRole:      {"current_role", Reserved},
	CurrentTime:      {"current_time", Reserved},
	CurrentTimestamp: {"current_timestamp", Reserved},
	CurrentUser:      {"current_user", Reserved},
	Default:          {"default", Reserved},
	Deferrable:       {"deferrable", Reserved},
	Desc:             {"desc", Reserved},
	Distinct:         {"distinct", Reserved},
	Do:               {"do", Reserved},
	Else:             {"else", Reserved},
	End:              {"end", Reserved},
	Except:           {"except", Reserved},
	False:            {"false", Reserved},
	Fetch:            {"fetch", Reserved},
	For:              {"for", Reserved},
	Foreign:          {"foreign", Reserved},
	From:             {"from", Reserved},
	Grant:            {"grant", Reserved},
	Group:            {"group", Reserved},
	Having:           {"having", Reserved},
	In:               {"in", Reserved},
	Initially:        {"initially", Reserved},
	Intersect:        {"intersect", Reserved},
	Into:             {"into", Reserved},
	Lateral:          {"lateral", Reserved},
	Leading:          {"leading", Reserved},
	Limit:            {"limit", Reserved},
	Localtime:        {"localtime", Reserved},
	Localtimestamp:   {"localtimestamp", Reserved},
	Not:              {"not", Reserved},
	Null:             {"null", Reserved},
	Offset:           {"offset", Reserved},
	On:               {"on", Reserved},
	Only:             {"only", Reserved},
	Or:               {"or", Reserved},
	Order:            {"order", Reserved},
	Placing:          {"placing", Reserved},
	Primary:          {"primary", Reserved},
	References:       {"references", Reserved},
	Returning:        {"returning", Reserved},
	Select:           {"select", Reserved},
	SessionUser:      {"session_user", Reserved},
	Some:             {"some", Reserved},
	Symmetric:        {"symmetric", Reserved},
	SystemUser:       {"system_user", Reserved},
	Table:            {"table", Reserved},
	Then:             {"then", Reserved},
	To:               {"to", Reserved},
	Trailing:         {"trailing", Reserved},
	True:             {"true", Reserved},
	Union:            {"union", Reserved},
	Unique:           {"unique", Reserved},
	User:             {"user", Reserved},
	Using:            {"using", Reserved},
	Variadic:         {"variadic", Reserved},
	When:             {"when", Reserved},
	Where:            {"where", Reserved},
	Window:           {"window", Reserved},
	With:             {"with", Reserved},
	Authorization:    {"authorization", FunctionName},
	Binary:           {"binary", FunctionName},
	Collation:        {"collation", FunctionName},
	Concurrently:     {"concurrently", FunctionName},
	Cross:            {"cross", FunctionName},
	CurrentSchema:    {"current_schema", FunctionName},
	Freeze:           {"freeze", FunctionName},
	Full:             {"full", FunctionName},
	Ilike:            {"ilike", FunctionName},
	Inner:            {"inner", FunctionName},
	Is:               {"is", FunctionName},
	Isnull:           {"isnull", FunctionName},
	Join:             {"join", FunctionName},
	Left:             {"left", FunctionName},
	Like:             {"like", FunctionName},
	Natural:          {"natural", FunctionName},
	Notnull:          {"notnull", FunctionName},
	Outer:            {"outer", FunctionName},
	Overlaps:         {"overlaps", FunctionName},
	Right:            {"right", FunctionName},
	Similar:          {"similar", FunctionName},
	Tablesample:      {"tablesample", FunctionName},
	Verbose:          {"verbose", FunctionName},
	Between:          {"between", ColumnName},
	Exists:           {"exists", ColumnName},
	Extract:          {"extract", ColumnName},
	Interval:         {"interval", ColumnName},
	Position:         {"position", ColumnName},
	Row:              {"row", ColumnName},
	Substring:        {"substring", ColumnName},
	Trim:             {"trim", ColumnName},
	Values:           {"values", ColumnName},
	At:               {"at", Unreserved},
	Date:             {"date", Unreserved},
	Escape:           {"escape", Unreserved},
	Filter:           {"filter", Unreserved},
	Over:             {"over", Unreserved},
	Timestamp:        {"timestamp", Unreserved},
	Unknown:          {"unknown", Unreserved},
	Within:           {"within", Unreserved},
}

// longest is the length of the longest keyword.
const longest = len("current_timestamp")

// common are words that are no keywords here but are often in statements: to fold them costs no memory either.
var common = strings.Fields(`abort action add alter avg begin btree by cascade column commit conflict copy count create delete drop
	exists explain first generated identity if index insert key last lsm max min next no nothing nulls partition range read
	recursive release rename replace rollback row_number rows savepoint sequence set show start sum temp to transaction truncate
	type update view`)

// A slot of the table of words.
type slot struct {
	word    string // in lower case; empty: nothing
	keyword Keyword
}

// tableSize is how many slots there are.
const tableSize = 1024

// words is a hash table with open addressing, three quarters of it empty.
var words = func() (table [tableSize]slot) {
	put := func(s slot) {
		h := hash(s.word)
		for table[h].word != "" && table[h].word != s.word {
			h = (h + 1) % tableSize
		}
		if table[h].word == "" {
			table[h] = s
		}
	}
	for k := Keyword(1); k < keywords; k++ {
		put(slot{spellings[k].word, k})
	}
	for _, w := range common {
		put(slot{word: w})
	}
	return table
}()

// hash returns a number for a word that is not empty, the same for capitals.
func hash(word string) uint32 {
	n := len(word)
	h := uint32(n) + uint32(word[0]|0x20)*31 + uint32(word[n-1]|0x20)*577 + uint32(word[n/2]|0x20)*5099
	return (h ^ h>>9) % tableSize
}

// Lookup returns the keyword that a word in lower case is, or none.
func Lookup(word string) Keyword {
	if word == "" || len(word) > longest {
		return 0
	}
	for h := hash(word); words[h].word != ""; h = (h + 1) % tableSize {
		if words[h].word == word {
			return words[h].keyword
		}
	}
	return 0
}

// Fold returns a word with the letters of ASCII in lower case, and the keyword that it is, or none.
func Fold(word string) (string, Keyword) {
	if word != "" && len(word) <= longest {
		for h := hash(word); words[h].word != ""; h = (h + 1) % tableSize {
			if equalFolded(words[h].word, word) {
				return words[h].word, words[h].keyword
			}
		}
	}
	b := []byte(word)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b), 0
}

// equalFolded reports whether a word in any case is the one in lower case.
func equalFolded(lower, word string) bool {
	if len(lower) != len(word) {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Class returns the class of the keyword; none is Unreserved.
func (k Keyword) Class() Class {
	if k >= keywords {
		return Unreserved
	}
	return spellings[k].class
}

// String returns the word in lower case.
func (k Keyword) String() string {
	if k >= keywords {
		return ""
	}
	return spellings[k].word
}
