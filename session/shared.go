package session

import (
	"container/list"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/parser"
)

// cachedTexts is how many texts of statements are kept with their plans.
const cachedTexts = 1024

// longText is how many bytes a text has at most to be kept: longer ones are those of dumps, and do not come again.
const longText = 64 << 10

// Shared is what all sessions of a database share: statements that were read, and their plans. Any number of goroutines may
// use it.
type Shared struct {
	statistics atomic.Uint64 // counts what ANALYZE has found out anew

	mu    sync.Mutex
	known map[uint32]*knownStatistics // by id of the table
	texts map[textKey]*list.Element
	order list.List // of *cachedText, the one used last first
}

// A textKey is what a plan is found by: plans for other settings are others.
type textKey struct {
	text    string
	planner plannerSettings
}

type cachedText struct {
	key        textKey
	statements []*statement
}

// A statement is one of a text, with the plan that it was run with last.
type statement struct {
	text   string // all of it
	tree   ast.Statement
	writes bool // a query that calls setval
	plan   atomic.Pointer[planned]
}

// NewShared returns what the sessions of one database share.
func NewShared() *Shared { return &Shared{texts: make(map[textKey]*list.Element)} }

// statements returns those of a text.
func (c *Shared) statements(text string, p plannerSettings) ([]*statement, error) {
	key := textKey{text, p}
	c.mu.Lock()
	if e := c.texts[key]; e != nil {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cachedText).statements, nil
	}
	c.mu.Unlock()
	parsed, err := parser.Program(text)
	if err != nil {
		return nil, err
	}
	t := &cachedText{key: key}
	for _, p := range parsed {
		_, query := p.Statement.(*ast.Query)
		writes := query && strings.Contains(strings.ToLower(text[p.From:p.To]), "setval")
		t.statements = append(t.statements, &statement{text: text, tree: p.Statement, writes: writes})
	}
	if len(text) > longText {
		return t.statements, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.texts[key]; e != nil { // somebody else was faster
		return e.Value.(*cachedText).statements, nil
	}
	c.texts[key] = c.order.PushFront(t)
	if c.order.Len() > cachedTexts {
		oldest := c.order.Back()
		c.order.Remove(oldest)
		delete(c.texts, oldest.Value.(*cachedText).key)
	}
	return t.statements, nil
}
