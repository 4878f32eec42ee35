package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
	"go.yaml.in/yaml/v3"
)

// An entry is a key and its value in a file.
type entry struct {
	key  string
	text string
	kind kind
	line int
}

// parseFile returns the entries of a file, in its order; no key comes twice.
func parseFile(name string, content []byte) ([]entry, error) {
	var entries []entry
	var err error
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // some editors begin a text with it
	switch strings.ToLower(filepath.Ext(name)) {
	case ".toml":
		entries, err = parseTOML(content)
	case ".yaml", ".yml":
		entries, err = parseYAML(content)
	default:
		err = errNoFile
	}
	if err != nil {
		return nil, err
	}
	lines := map[string]int{}
	for _, e := range entries {
		if first, twice := lines[e.key]; twice {
			return nil, at(e.line, fmt.Errorf("%s is set a second time; the first is in line %d", e.key, first))
		}
		lines[e.key] = e.line
	}
	return entries, nil
}

// errSections refuses what groups settings.
var errSections = errors.New("settings stand one a line, without sections or lists: tls-cert, not a cert in tls")

// A lineError is about a line of a file.
type lineError struct {
	line int
	err  error
}

func at(line int, err error) error       { return &lineError{line, err} }
func (e *lineError) Error() string       { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error       { return e.err }
func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
func within(file string, err error) error {
	var l *lineError
	if errors.As(err, &l) {
		return fmt.Errorf("%s: %w", place(file, l.line), l.err)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// parseTOML walks over the expressions of the document: decoding into a struct or a map, the library does not
// tell in which line a value stands.
func parseTOML(content []byte) (entries []entry, err error) {
	var p unstable.Parser
	p.Reset(content)
	line := func(r unstable.Range) int { return p.Shape(r).Start.Line }
	for p.NextExpression() {
		e := p.Expression()
		keys := e.Key()
		keys.Next()
		key := keys.Node()
		out := entry{key: string(key.Data), line: line(key.Raw)}
		if e.Kind != unstable.KeyValue || keys.Next() {
			return nil, at(out.line, errSections)
		}
		v := e.Value()
		out.text = string(v.Data)
		switch v.Kind {
		case unstable.String:
			out.kind = kindString
		case unstable.Integer:
			out.kind, out.text = kindInteger, plain(out.text)
		case unstable.Float:
			out.kind = kindFraction
		case unstable.Bool:
			out.kind = kindBool
		default:
			out.kind = kindOther
		}
		entries = append(entries, out)
	}
	var parseErr *unstable.ParserError
	if err = p.Error(); errors.As(err, &parseErr) {
		err = at(line(p.Range(parseErr.Highlight)), errors.New(parseErr.Message))
	}
	return entries, err
}

// plain returns an integer as a flag has it: files may write 1_000 and 0x3e8.
func plain(integer string) string {
	n, err := strconv.ParseInt(integer, 0, 64)
	if err != nil {
		return integer // which is what the error will show
	}
	return strconv.FormatInt(n, 10)
}

func parseYAML(content []byte) (entries []entry, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(content))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) { // nothing but comments
			return nil, nil
		}
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is a second document in it")
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return nil, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, at(top.Line, errors.New("settings are written as key: value"))
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		k, v := top.Content[i], top.Content[i+1]
		if v.Kind != yaml.ScalarNode || k.Kind != yaml.ScalarNode {
			return nil, at(k.Line, errSections)
		}
		e := entry{key: k.Value, text: v.Value, line: k.Line}
		switch v.ShortTag() {
		case "!!str":
			e.kind = kindString
		case "!!int":
			e.kind, e.text = kindInteger, plain(e.text)
		case "!!float":
			e.kind = kindFraction
		case "!!bool":
			e.kind = kindBool
		default:
			e.kind = kindOther
		}
		entries = append(entries, e)
	}
	return entries, nil
}
