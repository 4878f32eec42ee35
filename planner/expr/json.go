package expr

import (
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// jsonFunctions are those of JSON. The names that begin with jsonb are for those who come from there: there is one type,
// which keeps its text.
func jsonFunctions() map[string]function {
	m := map[string]function{
		"array_length": {1, 1, simple(intType, jsonArrayLength, jsonType)},
		"typeof":       {1, 1, simple(textType, jsonTypeOf, jsonType)},
		"extract_path": {2, many, (*Binder).jsonExtract}, "extract_path_text": {2, many, (*Binder).jsonExtract},
		"build_object": {0, many, (*Binder).jsonBuild}, "build_array": {0, many, (*Binder).jsonBuild},
		"strip_nulls": {1, 1, simple(jsonType, jsonStripNulls, jsonType)},
	}
	all := map[string]function{
		"to_json": {1, 1, (*Binder).toJSON}, "to_jsonb": {1, 1, (*Binder).toJSON},
	}
	for name, f := range m {
		all["json_"+name], all["jsonb_"+name] = f, f
	}
	return all
}

// jsonOperator binds -> ->> #> #>> @> <@ and ?.
func (b *Binder) jsonOperator(e *ast.Binary) (*Node, error) {
	x, y, err := b.two(e.Left, e.Right)
	if err != nil {
		return nil, err
	}
	want := [2]catalog.Type{jsonType, textType}
	switch e.Operator {
	case ast.Contains, ast.ContainedIn:
		want[1] = jsonType
	case ast.Field, ast.FieldText:
		if y.Type.Kind == catalog.Int64 {
			want[1] = intType
		}
	default:
	}
	given := [2]catalog.Type{x.Type, y.Type}
	if x, err = b.settle(x, want[0]); err != nil {
		return nil, err
	}
	if y, err = b.settle(y, want[1]); err != nil {
		return nil, err
	}
	if x.Type.Kind != want[0].Kind || y.Type.Kind != want[1].Kind {
		return nil, noOperator(e.At, e.Operator, given[0], given[1]).WithHint("the left side must be JSON: CAST(... AS JSON)")
	}
	result, of := jsonType, jsonOperation(e.Operator)
	switch e.Operator {
	case ast.FieldText, ast.PathText:
		result = textType
	case ast.Contains, ast.ContainedIn, ast.HasKey:
		result = boolType
	default:
	}
	return operatorCall(e.At, e.Operator, result, binary(of), x, y), nil
}

// jsonOperation returns what an operator computes.
func jsonOperation(o ast.Operator) operation {
	switch o {
	case ast.Field, ast.FieldText:
		return func(v, w catalog.Value) (catalog.Value, error) {
			found, ok := jsonField(v.AsString(), w)
			return jsonFound(found, ok, o == ast.FieldText)
		}
	case ast.Path, ast.PathText:
		return func(v, w catalog.Value) (catalog.Value, error) {
			path, err := jsonPath(w.AsString())
			if err != nil {
				return catalog.Null(), err
			}
			found, ok := jsonWalk(v.AsString(), path)
			return jsonFound(found, ok, o == ast.PathText)
		}
	case ast.HasKey:
		return func(v, w catalog.Value) (catalog.Value, error) {
			return catalog.BoolOf(jsonHasKey(v.AsString(), w.AsString())), nil
		}
	case ast.Contains:
		return func(v, w catalog.Value) (catalog.Value, error) { return jsonContained(w, v) }
	default:
		return jsonContained
	}
}

func jsonContained(v, w catalog.Value) (catalog.Value, error) {
	return catalog.BoolOf(jsonContains(w.AsString(), v.AsString(), true)), nil
}

// jsonFound returns the value of a part of JSON: as JSON, or the text that it has, which is NULL of null.
func jsonFound(text string, ok, asText bool) (catalog.Value, error) {
	switch {
	case !ok:
		return catalog.Null(), nil
	case !asText:
		return catalog.JSONOf(text)
	case text == "null":
		return catalog.Null(), nil
	case text[0] == '"':
		return catalog.Str(jsonString(text)), nil
	default:
		return catalog.Str(text), nil
	}
}

// jsonField returns the member of a name, or the element of a number, counted from 0 or, if it is negative, from the end.
func jsonField(text string, which catalog.Value) (string, bool) {
	text = jsonTrim(text)
	if which.Kind() != catalog.Int64 {
		return jsonMember(text, which.AsString())
	}
	if text[0] != '[' {
		return "", false
	}
	list := jsonElements(text)
	i := which.AsInt()
	if i < 0 {
		i += int64(len(list))
	}
	if i < 0 || i >= int64(len(list)) {
		return "", false
	}
	return list[i], true
}

// jsonMember returns the last member of a name.
func jsonMember(text, name string) (found string, ok bool) {
	if text[0] != '{' {
		return "", false
	}
	for key, value := range jsonMembers(text) {
		if jsonString(key) == name {
			found, ok = value, true
		}
	}
	return found, ok
}

// jsonWalk goes down a path of names and numbers.
func jsonWalk(text string, path []string) (string, bool) {
	text = jsonTrim(text)
	for _, step := range path {
		ok := false
		switch text[0] {
		case '{':
			text, ok = jsonMember(text, step)
		case '[':
			if n, err := strconv.ParseInt(step, 10, 32); err == nil {
				text, ok = jsonField(text, catalog.Int(n))
			}
		default:
		}
		if !ok {
			return "", false
		}
	}
	return text, true
}

// jsonPath reads {a,"b c",0}, as PostgreSQL writes arrays of text.
func jsonPath(s string) ([]string, error) {
	inner, begins := strings.CutPrefix(strings.TrimSpace(s), "{")
	inner, ends := strings.CutSuffix(inner, "}")
	if !begins || !ends {
		return nil, sqlstate.New(sqlstate.InvalidText, -1, "%q is no path", shorten(s)).WithHint("a path is written '{name,0,other}'")
	}
	var path []string
	for rest := strings.TrimSpace(inner); rest != ""; {
		step := ""
		if rest[0] == '"' {
			i := 1
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				step += rest[i : i+1]
			}
			rest = rest[min(i+1, len(rest)):]
		} else {
			i := strings.IndexByte(rest+",", ',')
			step, rest = strings.TrimSpace(rest[:i]), rest[i:]
		}
		path = append(path, step)
		rest = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), ","))
	}
	return path, nil
}

// jsonExtract binds JSON_EXTRACT_PATH(json, name, ...) and JSON_EXTRACT_PATH_TEXT.
func (b *Binder) jsonExtract(c *call) (*Node, error) {
	if err := b.arguments(c, jsonType); err != nil {
		return nil, err
	}
	t, asText := jsonType, strings.HasSuffix(c.name, "_text")
	if asText {
		t = textType
	}
	return foldCall(c, t, eachStrict(func(args []catalog.Value) (catalog.Value, error) {
		var path []string
		for _, v := range args[1:] {
			path = append(path, v.AsString())
		}
		found, ok := jsonWalk(args[0].AsString(), path)
		return jsonFound(found, ok, asText)
	}), c.args...), nil
}

func jsonHasKey(text, key string) bool {
	text = jsonTrim(text)
	switch text[0] {
	case '{':
		_, ok := jsonMember(text, key)
		return ok
	case '[':
		for _, x := range jsonElements(text) {
			if x[0] == '"' && jsonString(x) == key {
				return true
			}
		}
		return false
	default:
		return text[0] == '"' && jsonString(text) == key
	}
}

func jsonArrayLength(args []catalog.Value) (catalog.Value, error) {
	text := jsonTrim(args[0].AsString())
	if text[0] != '[' {
		return catalog.Null(), sqlstate.New(sqlstate.InvalidParameter, -1, "the JSON is no array")
	}
	return catalog.Int(int64(len(jsonElements(text)))), nil
}

func jsonTypeOf(args []catalog.Value) (catalog.Value, error) {
	switch text := jsonTrim(args[0].AsString()); text[0] {
	case '{':
		return catalog.Str("object"), nil
	case '[':
		return catalog.Str("array"), nil
	case '"':
		return catalog.Str("string"), nil
	case 't', 'f':
		return catalog.Str("boolean"), nil
	case 'n':
		return catalog.Str("null"), nil
	default:
		return catalog.Str("number"), nil
	}
}
