package collection

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/middb/middb/catalog"
)

// A tag is what the tag of a field says.
type tag struct {
	column     string
	typ        string
	primary    bool
	identity   bool
	notNull    bool
	defaultSQL string
	checks     []string
	indexes    []tagIndex
	parent     string // of a foreign key; empty: none
	parentKey  []string
	onDelete   catalog.Action
}

// A tagIndex is an index, or the part of one, that a tag asks for.
type tagIndex struct {
	name   string // empty: the builder's for unique ones, otherwise made of table and column
	order  string // behind the column: DESC and the like
	unique bool
	using  catalog.Method
}

// parseTag reads the tag of a field.
func parseTag(text, fieldName string) (tag, error) {
	parts := split(text)
	t := tag{column: strings.TrimSpace(parts[0])}
	if t.column == "" {
		t.column = snake(fieldName)
	}
	for _, part := range parts[1:] {
		name, value, given := strings.Cut(part, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if given && value == "" {
			return t, fmt.Errorf("%s= is empty", name)
		}
		if err := t.set(name, value, given); err != nil {
			return t, err
		}
	}
	return t, nil
}

// set does what an option says.
func (t *tag) set(name, value string, given bool) error {
	if slices.Contains([]string{"primarykey", "identity", "notnull"}, name) && given {
		return fmt.Errorf("option %s takes no value", name)
	}
	if slices.Contains([]string{"type", "default", "check", "using", "references", "ondelete"}, name) && !given {
		return fmt.Errorf("option %s needs a value", name)
	}
	switch name {
	case "primarykey":
		t.primary = true
	case "identity":
		t.identity = true
	case "notnull":
		t.notNull = true
	case "type":
		t.typ = value
	case "default":
		t.defaultSQL = value
	case "check":
		t.checks = append(t.checks, value)
	case "index", "unique":
		ix, order, _ := strings.Cut(value, " ")
		t.indexes = append(t.indexes, tagIndex{name: ix, order: order, unique: name == "unique"})
	case "using":
		return t.using(value)
	case "references":
		t.parent, t.parentKey = value, nil
		if table, columns, found := strings.Cut(value, "("); found {
			t.parent = strings.TrimSpace(table)
			t.parentKey = []string{strings.TrimSpace(strings.TrimSuffix(columns, ")"))}
		}
	case "ondelete":
		return t.delete(value)
	default:
		return fmt.Errorf("there is no option %q", name)
	}
	return nil
}

func (t *tag) using(value string) error {
	if len(t.indexes) == 0 {
		return fmt.Errorf("using=%s comes before the index that it is about", value)
	}
	ix := &t.indexes[len(t.indexes)-1]
	switch strings.ToLower(value) {
	case "lsm":
		ix.using = catalog.LSM
	case "btree":
		ix.using = catalog.BTree
	default:
		return fmt.Errorf("an index is kept by using=btree or using=lsm, not %s", value)
	}
	return nil
}

func (t *tag) delete(value string) error {
	actions := map[string]catalog.Action{"restrict": catalog.Restrict, "cascade": catalog.Cascade, "set null": catalog.SetNull}
	action, ok := actions[strings.ToLower(value)]
	if !ok || t.parent == "" {
		return fmt.Errorf("ondelete=%s: it is restrict, cascade or set null, and comes behind references", value)
	}
	t.onDelete = action
	return nil
}

// split cuts a tag at commas that are not between parentheses or quotes.
func split(text string) (parts []string) {
	depth, quoted, begin := 0, false, 0
	for i, c := range text {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth <= 0:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}

// snake returns the name of a field as columns are named: UserID is user_id.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, c := range runes {
		if unicode.IsUpper(c) && i > 0 {
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(runes[i-1]) && runes[i-1] != '_' || unicode.IsUpper(runes[i-1]) && next {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
