package sqlshell

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
)

// A Dumping is what of a database is written as SQL.
type Dumping struct {
	Tables []string // tables and views; empty: everything
	NoRows bool     // only what is there, not what is in it
	// Progress, if it is not nil, is told how many rows were written.
	Progress func(rows int64)
}

// Dump writes a database as SQL that makes it again: sequences, tables, rows, indexes, foreign keys and views, in that order, so
// that nothing is named before it is there. Everything is of one moment. The same content gives the same text.
func Dump(ctx context.Context, db *engine.DB, w io.Writer, o Dumping) error {
	return db.View(ctx, func(txn *engine.Txn) error {
		tables, err := txn.Tables()
		if err != nil {
			return err
		}
		d := &dumper{ctx: ctx, txn: txn, from: tables, out: &printer{bufio.NewWriterSize(w, 64<<10)}, Dumping: o}
		if err := d.choose(); err != nil {
			return err
		}
		for _, step := range []func() error{d.sequences, d.tables, d.indexes, d.foreignKeys, d.writeViews} {
			if err := step(); err != nil {
				return err
			}
		}
		return d.out.Flush()
	})
}

// A dumper writes one dump.
type dumper struct {
	Dumping
	ctx  context.Context
	txn  *engine.Txn
	from *relation.Tables
	out  *printer

	list  []*catalog.Table // that are written
	all   []*catalog.Table
	views []view
	rows  int64
}

func (d *dumper) statement(sql string) { d.out.add(sql, ";\n") }

// choose finds the tables and the views that are written.
func (d *dumper) choose() (err error) {
	if d.all, err = d.from.List(); err != nil {
		return err
	}
	slices.SortFunc(d.all, func(a, b *catalog.Table) int { return strings.Compare(a.Name, b.Name) })
	views, err := readViews(d.from)
	if err != nil {
		return err
	}
	if len(d.Tables) == 0 {
		d.list, d.views = d.all, views
		return nil
	}
	for _, name := range d.Tables {
		i := slices.IndexFunc(d.all, func(t *catalog.Table) bool { return t.Name == name })
		j := slices.IndexFunc(views, func(v view) bool { return v.Name == name })
		switch {
		case i >= 0 && !slices.Contains(d.list, d.all[i]):
			d.list = append(d.list, d.all[i])
		case j >= 0 && !slices.ContainsFunc(d.views, func(v view) bool { return v.Name == name }):
			d.views = append(d.views, views[j])
		case i < 0 && j < 0:
			return fmt.Errorf("there is no table and no view %q; .tables, or middb table list, lists those that are there", name)
		}
	}
	return nil
}

// sequences writes those that are wanted: all, or those that the columns of the tables use.
func (d *dumper) sequences() error {
	list, err := d.from.Objects(relation.SequenceObject)
	if err != nil {
		return err
	}
	for _, o := range list {
		if !d.uses(o.Name) {
			continue
		}
		definition, _, err := d.from.Sequence(o.Name)
		if err != nil {
			return err
		}
		next, ended, err := d.from.SequencePosition(o.Name)
		if err != nil {
			return err
		}
		d.statement(createSequence(o.Name, definition, next))
		if ended { // its last number was given, and so it is there, too
			d.statement("SELECT nextval(" + textLiteral(`"`+strings.ReplaceAll(o.Name, `"`, `""`)+`"`) + ")")
		}
	}
	return nil
}

// uses reports whether a sequence is to be written.
func (d *dumper) uses(sequence string) bool {
	if len(d.Tables) == 0 {
		return true
	}
	for _, t := range d.list {
		for i := range t.Columns {
			if strings.Contains(t.Columns[i].Default, sequence) {
				return true
			}
		}
	}
	return false
}

// tables writes the tables and their rows.
func (d *dumper) tables() error {
	for _, t := range d.list {
		start := int64(1)
		if identity(t) {
			var err error
			if start, err = d.from.IdentityPosition(t.Name); err != nil {
				return err
			}
		}
		d.statement(createTable(t, start))
	}
	if d.NoRows {
		return nil
	}
	for _, t := range d.list {
		if err := d.copyTable(t); err != nil {
			return err
		}
	}
	return nil
}

// copyTable writes the rows of a table in the order of its primary key, as COPY reads them.
func (d *dumper) copyTable(t *catalog.Table) error {
	var names []string
	for i := range t.Columns {
		names = append(names, t.Columns[i].Name)
	}
	rows, err := d.txn.Query(d.ctx, "SELECT "+quoteAll(names)+" FROM "+quote(t.Name)+orderBy(t))
	if err != nil {
		return fmt.Errorf("dump table %s: %w", t.Name, err)
	}
	defer rows.Close()
	begun := false
	for rows.Next() {
		if !begun {
			d.out.add("COPY ", quote(t.Name), " (", quoteAll(names), ") FROM STDIN;\n")
			begun = true
		}
		for i, v := range rows.Values() {
			if i > 0 {
				d.out.add("\t")
			}
			d.out.add(copyField(v))
		}
		d.out.add("\n")
		if d.rows++; d.rows%1024 == 0 && d.Progress != nil {
			d.Progress(d.rows)
		}
	}
	if begun {
		d.out.add("\\.\n")
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("dump table %s: %w", t.Name, err)
	}
	return nil
}

// orderBy sorts by the primary key. Without one rows are read in the order in which they were inserted.
func orderBy(t *catalog.Table) string {
	if len(t.PrimaryKey) == 0 {
		return ""
	}
	return " ORDER BY " + keyNames(t, t.PrimaryKey)
}

var copyEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// copyField returns a value as COPY reads it.
func copyField(v catalog.Value) string {
	if v.IsNull() {
		return `\N`
	}
	return copyEscapes.Replace(v.String())
}

func (d *dumper) indexes() error {
	for _, t := range d.list {
		for i := range t.Indexes {
			if ix := &t.Indexes[i]; ix.State != catalog.Building { // what is not finished is not there
				d.statement(createIndex(t, ix))
			}
		}
	}
	return nil
}

func (d *dumper) foreignKeys() error {
	for _, t := range d.list {
		for i := range t.ForeignKeys {
			f := &t.ForeignKeys[i]
			at := slices.IndexFunc(d.all, func(p *catalog.Table) bool { return p.ID == f.Parent })
			switch {
			case at < 0:
				return fmt.Errorf("dump table %s: foreign key %s refers to table %d, which is not there", t.Name, f.Name, f.Parent)
			case !slices.Contains(d.list, d.all[at]):
				d.out.add("-- foreign key ", oneLine(f.Name), " is left out: its table ", oneLine(d.all[at].Name), " is not in this dump\n")
			default:
				d.statement(addForeignKey(t, f, d.all[at]))
			}
		}
	}
	return nil
}

// writeViews writes the views, those that others are made of first.
func (d *dumper) writeViews() error {
	for _, v := range inOrder(d.views) {
		rows, err := d.txn.Query(d.ctx, "SELECT * FROM "+quote(v.Name)+" LIMIT 0")
		if err != nil { // what it is made of has been dropped
			d.out.add("-- view ", oneLine(v.Name), " is left out, as it cannot be read: ", oneLine(err.Error()), "\n")
			continue
		}
		if err := rows.Close(); err != nil {
			return err
		}
		d.statement(v.create())
	}
	return nil
}
