package exec

import (
	"encoding/json"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// members are the members of a JSON object or the elements of an array, in the order in which they are written.
type members struct {
	decoder *json.Decoder
	named   bool
	at      int
}

// newEach returns json_each(object).
func newEach(args []catalog.Value, at int) (rowSeries, error) {
	return newMembers(args[0].AsString(), at, '{', "json_each", "an object")
}

// newElements returns json_array_elements(array).
func newElements(args []catalog.Value, at int) (rowSeries, error) {
	return newMembers(args[0].AsString(), at, '[', "json_array_elements", "an array")
}

func newMembers(text string, at int, begin json.Delim, name, what string) (rowSeries, error) {
	if !json.Valid([]byte(text)) {
		return nil, sqlstate.New(sqlstate.InvalidText, at, "%s needs JSON, and this is none", name)
	}
	m := &members{decoder: json.NewDecoder(strings.NewReader(text)), named: begin == '{', at: at}
	if t, err := m.decoder.Token(); err != nil || t != begin {
		return nil, sqlstate.New(sqlstate.InvalidParameter, at, "the argument of %s must be %s", name, what)
	}
	return m, nil
}

func (m *members) next(dst []catalog.Value) ([]catalog.Value, bool, error) {
	if !m.decoder.More() {
		return dst, false, nil
	}
	if m.named {
		t, err := m.decoder.Token()
		if err != nil {
			return dst, false, m.fault(err)
		}
		name, _ := t.(string)
		dst = append(dst, catalog.Str(name))
	}
	var raw json.RawMessage
	if err := m.decoder.Decode(&raw); err != nil {
		return dst, false, m.fault(err)
	}
	v, err := catalog.JSONOf(string(raw))
	if err != nil {
		return dst, false, m.fault(err)
	}
	return append(dst, v), true, nil
}

func (m *members) fault(err error) error {
	e := sqlstate.New(sqlstate.InvalidText, m.at, "this is no JSON: %v", err)
	e.Cause = err
	return e
}
