package crash

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
)

// changeRows commits n transactions of as many statements as size at most.
func (s *tableSession) changeRows(n, size int) error {
	for range n {
		err := s.commit(func(tables *relation.Tables, w world) error {
			for range size/2 + s.rng.IntN(size/2+1) {
				if err := s.changeRow(tables, w); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pickID returns one of the ids of rows, if there are any.
func (s *tableSession) pickID(rows map[int64]fields) (int64, bool) {
	if len(rows) == 0 {
		return 0, false
	}
	ids := slices.Sorted(maps.Keys(rows))
	return ids[s.rng.IntN(len(ids))], true
}

// changeRow runs one statement.
func (s *tableSession) changeRow(tables *relation.Tables, w world) error {
	parent, anyParent := s.pickID(w["parents"].rows)
	child, anyChild := s.pickID(w["children"].rows)
	what := s.rng.IntN(20)
	switch {
	case what == 0 && len(w["parents"].rows) > 6:
		return s.deleteRow(tables, "parents", parent, w.deleteParent)
	case what <= 3 && anyChild:
		return s.deleteRow(tables, "children", child, w.deleteChild)
	case what <= 6 && anyChild:
		return s.updateChild(tables, w, child)
	case what == 7 && anyChild:
		return s.upsertChild(tables, w, child)
	case what == 8 && anyParent:
		return s.updateParent(tables, w, parent)
	case what == 9 && anyParent:
		return s.insertWrongly(tables, w, parent)
	case what == 10:
		return s.insertNote(tables, w)
	case what <= 13 || !anyParent:
		return s.insertParent(tables, w)
	default:
		return s.insertChild(tables, w, parent, child, anyChild)
	}
}

func (s *tableSession) deleteRow(tables *relation.Tables, name string, id int64, model func(int64)) error {
	h, err := tables.Table(name)
	if err != nil {
		return err
	}
	model(id)
	return h.Delete(catalog.Int(id))
}

// codeColumn is the name of the column of parents that is unique, which is renamed.
func (w world) codeColumn() string { return w["parents"].columns[1] }

func (s *tableSession) insertParent(tables *relation.Tables, w world) error {
	h, err := tables.Table("parents")
	if err != nil {
		return err
	}
	s.nextID++
	code, size := fmt.Sprintf("code %d %s", s.nextID, s.text()), s.rng.IntN(30)
	if err := h.InsertFields(map[string]any{w.codeColumn(): code, "size": size}); err != nil {
		return err
	}
	id := h.Inserted().Value("id").AsInt()
	if _, twice := w["parents"].rows[id]; twice {
		return wrongAnswer{fmt.Errorf("number %d is given twice", id)}
	}
	w["parents"].rows[id] = fields{"id": fmt.Sprint(id), w.codeColumn(): code, "size": fmt.Sprint(size)}
	return nil
}

// child returns the values of a child, some of which are NULL, and what they are in the model.
func (s *tableSession) child(id, parent, boss int64, anyBoss bool) (map[string]any, fields) {
	row := map[string]any{"id": id, "parent": parent, "tag": s.text(), "n": s.rng.IntN(12)}
	for _, c := range []string{"tag", "n"} {
		if s.rng.IntN(8) == 0 {
			row[c] = nil
		}
	}
	if row["boss"] = nil; anyBoss && s.rng.IntN(2) == 0 {
		row["boss"] = boss
	}
	f := fields{"extra": null}
	for c, v := range row {
		if f[c] = fmt.Sprint(v); v == nil {
			f[c] = null
		}
	}
	return row, f
}

func (s *tableSession) insertChild(tables *relation.Tables, w world, parent, boss int64, anyBoss bool) error {
	s.nextID++
	id := s.nextID * 7919 % 10007 // anywhere
	row, f := s.child(id, parent, boss, anyBoss)
	w["children"].rows[id] = f
	return insert(tables, "children", row)
}

func (s *tableSession) updateChild(tables *relation.Tables, w world, id int64) error {
	values := map[string]any{"tag": s.text(), "n": s.rng.IntN(12)}
	row := w["children"].rows[id].with("tag", values["tag"].(string)).with("n", fmt.Sprint(values["n"]))
	w["children"].rows[id] = row
	return update(tables, "children", id, values)
}

func (s *tableSession) upsertChild(tables *relation.Tables, w world, id int64) error {
	h, err := tables.Table("children")
	if err != nil {
		return err
	}
	old := w["children"].rows[id]
	tag := s.text()
	row := old.with("tag", tag).with("n", null)
	values := []catalog.Value{catalog.Int(id), {}, {}, catalog.Str(tag), {}}
	for i, c := range []string{"parent", "boss"} {
		if old[c] != null {
			if values[i+1], err = catalog.Parse(catalog.Type{Kind: catalog.Int64}, old[c]); err != nil {
				return err
			}
		}
	}
	if len(w["children"].columns) > len(values) {
		values = append(values, catalog.Str("upserted"))
		row["extra"] = "upserted"
	}
	w["children"].rows[id] = row
	return h.Upsert(values...)
}

func (s *tableSession) updateParent(tables *relation.Tables, w world, id int64) error {
	size := s.rng.IntN(30)
	w["parents"].rows[id] = w["parents"].rows[id].with("size", fmt.Sprint(size))
	return update(tables, "parents", id, map[string]any{"size": size})
}

// insertWrongly runs statements that must fail and leave nothing.
func (s *tableSession) insertWrongly(tables *relation.Tables, w world, parent int64) error {
	for _, c := range []struct {
		table string
		row   map[string]any
		want  error
	}{
		{"parents", map[string]any{w.codeColumn(): w["parents"].rows[parent][w.codeColumn()]}, engine.ErrUnique},
		{"parents", map[string]any{w.codeColumn(): "x", "size": -1}, engine.ErrCheck},
		{"children", map[string]any{"id": -1, "parent": -5}, engine.ErrForeignKey},
	} {
		if err := insert(tables, c.table, c.row); !errors.Is(err, c.want) {
			return fmt.Errorf("a row that violates a constraint: %w, and not %w", err, c.want)
		}
	}
	return nil
}

func (s *tableSession) insertNote(tables *relation.Tables, w world) error {
	s.nextID++
	f := fields{"text": s.text()}
	row := map[string]any{"text": f["text"]}
	if len(w["notes"].columns) > 1 {
		row["id"], f["id"] = s.nextID, fmt.Sprint(s.nextID)
	}
	w["notes"].rows[s.nextID] = f
	return insert(tables, "notes", row)
}
