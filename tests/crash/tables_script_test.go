package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

// A tableJournal records the worlds that transactions make, one after the other. It may be asked at any moment what a crash
// must not take.
type tableJournal struct {
	mu      sync.Mutex
	states  []world
	texts   []string
	visible int // everything up to this state has been answered
	durable int // everything up to this state is durable
}

type tableMark struct{ durable, visible, begun int }

func (j *tableJournal) mark() tableMark {
	j.mu.Lock()
	defer j.mu.Unlock()
	return tableMark{j.durable, j.visible, len(j.states) - 1}
}

// begin enters the state that a transaction is about to make.
func (j *tableJournal) begin(w world) {
	text := w.String()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.states, j.texts = append(j.states, w), append(j.texts, text)
}

func (j *tableJournal) answered(synced bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := len(j.states) - 1
	j.visible = last
	// A transaction that has changed nothing is no barrier.
	if synced && j.texts[last] != j.texts[last-1] {
		j.durable = last
	}
}

func (j *tableJournal) allSynced() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.durable = j.visible
}

// truncate makes a state the last one, and durable.
func (j *tableJournal) truncate(state int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.states, j.texts = j.states[:state+1], j.texts[:state+1]
	j.visible, j.durable = state, state
}

func (j *tableJournal) last() world {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.states[len(j.states)-1]
}

// match returns the newest state from low to high that has this text.
func (j *tableJournal) match(text string, low, high int) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := min(high, len(j.texts)-1); i >= low; i-- {
		if j.texts[i] == text {
			return i, nil
		}
	}
	elsewhere := "nor is it any other"
	for i, t := range j.texts {
		if t == text {
			elsewhere = fmt.Sprintf("but state %d", i)
		}
	}
	return 0, wrongAnswer{fmt.Errorf("the tables are none of the states %d to %d, %s of %d:\n%.600s\nstate %d is\n%.600s",
		low, high, elsewhere, len(j.texts), text, low, j.texts[low])}
}

// A tableSession is a database with tables and its journal.
type tableSession struct {
	cfg     engine.Config
	journal *tableJournal
	rng     *rand.Rand
	db      *engine.DB
	nextID  int64
}

// tableConfig is config with less memory for the log, as making that takes longer than what is done with it.
func tableConfig(fs vfs.FS) engine.Config {
	cfg := config(fs)
	cfg.LogBlocks = 4
	return cfg
}

func newTableSession(fs vfs.FS, seed uint64) *tableSession {
	s := &tableSession{cfg: tableConfig(fs), journal: &tableJournal{}, rng: rand.New(rand.NewPCG(seed, 0x7461626c6573))}
	s.journal.begin(world{})
	return s
}

// A tableStep is a named part of the script. After a fault it is done again: what it has done already it leaves alone.
type tableStep struct {
	name string
	do   func(s *tableSession) error
}

func changes(n int) func(s *tableSession) error {
	return func(s *tableSession) error { return s.changeRows(n, 5) }
}

var tableScript = []tableStep{
	{"open", (*tableSession).open},
	{"create tables", (*tableSession).createTables},
	{"change rows", changes(14)},
	{"flush", (*tableSession).flush},
	{"create indexes", (*tableSession).createIndexes},
	{"change rows with more indexes", changes(8)},
	{"fail to create an index", (*tableSession).failToCreateIndex},
	{"add a column", (*tableSession).addColumn},
	{"change rows with another column", changes(6)},
	{"reopen", (*tableSession).reopen},
	{"change rows after reopening", changes(6)},
	{"drop an index", (*tableSession).dropIndex},
	{"flush after dropping", (*tableSession).flush},
	{"rename a column and widen another", (*tableSession).rename},
	{"change more than a memtable", func(s *tableSession) error { return s.changeRows(1, 120) }},
	{"replace a table", (*tableSession).replaceTable},
	{"delete most", (*tableSession).deleteMost},
	{"change rows after deleting", changes(6)},
	{"wait until idle", func(s *tableSession) error { return s.db.WaitIdle(context.Background()) }},
	{"reopen again", (*tableSession).reopen},
	{"change rows at the end", changes(6)},
	{"close", (*tableSession).close},
}

func (s *tableSession) open() (err error) {
	if s.db != nil {
		return nil // it was opened after a fault
	}
	s.db, err = engine.Spawn(s.cfg)
	return err
}

func (s *tableSession) close() error {
	db := s.db
	if db == nil {
		return nil
	}
	s.db = nil
	if err := db.Close(); err != nil {
		return err
	}
	s.journal.allSynced()
	return nil
}

func (s *tableSession) reopen() error {
	if err := s.close(); err != nil {
		return err
	}
	return s.open()
}

func (s *tableSession) flush() error {
	if err := s.db.Flush(context.Background()); err != nil {
		return err
	}
	s.journal.allSynced()
	return nil
}

// commit runs f, which changes tables and the world alike, in a transaction. f may ask for no commit.
func (s *tableSession) commit(f func(tables *relation.Tables, w world) error) error {
	d := []engine.Durability{engine.NoSync, engine.NoSync, engine.Sync}[s.rng.IntN(3)]
	txn, err := s.db.Begin(engine.TxnOptions{Durability: d, Isolation: engine.Isolation(s.rng.IntN(2))})
	if err != nil {
		return err
	}
	defer txn.Rollback()
	tables, err := txn.Tables()
	if err != nil {
		return err
	}
	w := s.journal.last().clone()
	if err := f(tables, w); err != nil {
		return err
	}
	s.journal.begin(w)
	err = txn.Commit()
	switch {
	case err == nil:
		s.journal.answered(d == engine.Sync)
	case !errors.Is(err, engine.ErrCommitUnknown):
		s.journal.takeBack()
	}
	return err
}

// takeBack removes the state that was begun last: it was not made.
func (j *tableJournal) takeBack() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.states, j.texts = j.states[:len(j.states)-1], j.texts[:len(j.texts)-1]
}

func (s *tableSession) createTables() error {
	if len(s.journal.last()) > 0 {
		return nil
	}
	return s.commit(func(tables *relation.Tables, w world) error {
		parents, err := catalog.NewTable("parents").
			Column("id", "BIGINT", catalog.GeneratedByDefault).Column("code", "TEXT", catalog.NotNull).Column("size", "INT").
			PrimaryKey("id").UniqueIndex("by_code", "code").
			Index("by_size", "size DESC").Index("by_size"+twinSuffix, "size DESC").Using(catalog.LSM).Check("size >= 0").Build()
		if err != nil {
			return err
		}
		children, err := catalog.NewTable("children").
			Column("id", "BIGINT").Column("parent", "BIGINT", catalog.NotNull).Column("boss", "BIGINT").
			Column("tag", "VARCHAR(400)").Column("n", "BIGINT").
			PrimaryKey("id").Index("by_parent", "parent").Index("by_boss", "boss").
			Index("by_tag", "tag", "n DESC").Index("by_tag"+twinSuffix, "tag", "n DESC").Using(catalog.LSM).
			ForeignKey([]string{"parent"}, "parents", nil, catalog.OnDelete(catalog.Cascade)).
			ForeignKey([]string{"boss"}, "children", nil, catalog.OnDelete(catalog.SetNull)).Build()
		if err != nil {
			return err
		}
		w["parents"] = &modelTable{[]string{"id", "code", "size"}, []string{"by_code", "by_size", "by_size_twin"}, map[int64]fields{}}
		w["children"] = &modelTable{
			[]string{"id", "parent", "boss", "tag", "n"}, []string{"by_parent", "by_boss", "by_tag", "by_tag_twin"}, map[int64]fields{},
		}
		w["notes"] = &modelTable{[]string{"text"}, []string{"by_text"}, map[int64]fields{}}
		notes, err := catalog.NewTable("notes").Column("text", "TEXT").Index("by_text", "text").Build()
		return errors.Join(err, tables.Create(parents), tables.Create(children), tables.Create(notes))
	})
}

// createIndexes adds indexes while rows are written.
func (s *tableSession) createIndexes() error {
	for _, d := range []engine.IndexDefinition{
		{Name: "by_n", Columns: []string{"n DESC", "tag"}},
		{Name: "by_n" + twinSuffix, Columns: []string{"n DESC", "tag"}, Using: catalog.LSM},
		{Name: "by_n_id", Columns: []string{"n", "id"}, Unique: true},
	} {
		if slices.Contains(s.journal.last()["children"].indexes, d.Name) {
			continue
		}
		if err := s.dropUnfinished(d.Name); err != nil {
			return err
		}
		var inner error
		begun := false
		err := s.db.CreateIndex(context.Background(), "children", d, func(uint64, uint64) {
			inner = s.changeRows(2, 4) // if that fails, the index is made all the same
			w := s.journal.last().clone()
			w["children"].indexes = append(w["children"].indexes, d.Name)
			s.journal.begin(w)
			begun = true
		})
		switch {
		case err == nil:
			s.journal.answered(false)
		case begun && !errors.Is(err, engine.ErrCommitUnknown):
			s.journal.takeBack()
		}
		if err := errors.Join(inner, err); err != nil {
			return err
		}
	}
	return nil
}

// dropUnfinished drops an index whose building has failed in such a way that it could not be dropped then.
func (s *tableSession) dropUnfinished(name string) error {
	schema, err := s.db.GetTable("children")
	if errors.Is(err, engine.ErrNoTable) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, found := schema.Index(name); !found {
		return nil
	}
	return s.db.DropIndex(context.Background(), "children", name)
}

// impossible is the name of an index of values that are there twice.
const impossible = "no"

// failToCreateIndex tries to make an index of values that are there twice.
func (s *tableSession) failToCreateIndex() error {
	if err := s.dropUnfinished(impossible); err != nil {
		return err
	}
	err := s.commit(func(tables *relation.Tables, w world) error {
		for id, row := range w["children"].rows {
			if err := update(tables, "children", id, map[string]any{"n": 7}); err != nil {
				return err
			}
			w["children"].rows[id] = row.with("n", "7")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = s.db.CreateIndex(context.Background(), "children", engine.IndexDefinition{Name: impossible, Columns: []string{"n"}, Unique: true}, nil)
	if len(s.journal.last()["children"].rows) < 2 {
		return errors.Join(err, s.dropUnfinished(impossible)) // then it was possible
	}
	if errors.Is(err, engine.ErrUnique) {
		return nil // if a fault has kept the index from being dropped, that is tried again
	}
	if err == nil {
		err = wrongAnswer{errors.New("an index is unique of values that are there twice")}
	}
	return err
}

func (s *tableSession) addColumn() error {
	if slices.Contains(s.journal.last()["children"].columns, "extra") {
		return nil
	}
	return s.commit(func(tables *relation.Tables, w world) error {
		err := tables.Alter("children", func(t *catalog.Table) (*catalog.Table, error) {
			return t.AddColumn(catalog.Column{Name: "extra", Type: catalog.Type{Kind: catalog.String}, Missing: catalog.Str("old")})
		})
		t := w["children"]
		t.columns = append(t.columns, "extra")
		for id, row := range t.rows {
			t.rows[id] = row.with("extra", "old")
		}
		return err
	})
}

func (s *tableSession) dropIndex() error {
	for _, name := range []string{"by_n", "by_n" + twinSuffix} {
		if !slices.Contains(s.journal.last()["children"].indexes, name) {
			continue
		}
		err := s.commit(func(tables *relation.Tables, w world) error {
			t := w["children"]
			t.indexes = slices.DeleteFunc(t.indexes, func(n string) bool { return n == name })
			return tables.DropIndex("children", name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *tableSession) rename() error {
	if s.journal.last().codeColumn() == "name" {
		return nil
	}
	return s.commit(func(tables *relation.Tables, w world) error {
		err := tables.Alter("parents", func(t *catalog.Table) (*catalog.Table, error) {
			return t.RenameColumn("code", "name")
		})
		t := w["parents"]
		t.columns[1] = "name"
		for id, row := range t.rows {
			t.rows[id] = row.with("name", row["code"])
		}
		return errors.Join(err, tables.Alter("children", func(t *catalog.Table) (*catalog.Table, error) {
			return t.WidenType("tag", catalog.Type{Kind: catalog.String})
		}))
	})
}

// replaceTable drops a table and makes another one of the same name, with a row.
func (s *tableSession) replaceTable() error {
	if len(s.journal.last()["notes"].columns) > 1 {
		return nil
	}
	return s.commit(func(tables *relation.Tables, w world) error {
		d, err := catalog.NewTable("notes").Column("id", "BIGINT").Column("text", "TEXT").
			PrimaryKey("id").Index("by_text", "text DESC").Index("by_text"+twinSuffix, "text DESC").Using(catalog.LSM).Build()
		if err := errors.Join(err, tables.Drop("notes"), tables.Create(d)); err != nil {
			return err
		}
		w["notes"] = &modelTable{
			[]string{"id", "text"}, []string{"by_text", "by_text_twin"}, map[int64]fields{1: {"id": "1", "text": "new"}},
		}
		return insert(tables, "notes", map[string]any{"id": 1, "text": "new"})
	})
}

// deleteMost deletes most parents, with their children.
func (s *tableSession) deleteMost() error {
	return s.commit(func(tables *relation.Tables, w world) error {
		h, err := tables.Table("parents")
		if err != nil {
			return err
		}
		for id := range w["parents"].rows {
			if id%3 > 0 {
				w.deleteParent(id)
			}
		}
		_, err = h.DeleteWhere(relation.ScanOptions{}, func(r relation.Row) (bool, error) { return r.Value("id").AsInt()%3 > 0, nil })
		return err
	})
}

func insert(tables *relation.Tables, name string, row map[string]any) error {
	h, err := tables.Table(name)
	if err != nil {
		return err
	}
	return h.InsertFields(row)
}

func update(tables *relation.Tables, name string, id int64, row map[string]any) error {
	h, err := tables.Table(name)
	if err != nil {
		return err
	}
	return h.UpdateFields([]catalog.Value{catalog.Int(id)}, row)
}

// text returns a text that fills pages of indexes.
func (s *tableSession) text() string {
	return fmt.Sprintf("%c%s", 'a'+rune(s.rng.IntN(26)), strings.Repeat(string('a'+rune(s.rng.IntN(3))), s.rng.IntN(250)))
}
