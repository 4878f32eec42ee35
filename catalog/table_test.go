package catalog

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// orgs and users are tables with everything that there is.
func users(t testing.TB) (parent, child *Table) {
	t.Helper()
	d, err := NewTable("orgs").Column("id", "UUID").Column("name", "TEXT", NotNull).PrimaryKey("id").Unique("name").Build()
	if err != nil {
		t.Fatal(err)
	}
	next := uint32(100)
	nextID := func() uint32 { next++; return next }
	if parent, err = d.Resolve(nextID(), nextID, nil); err != nil {
		t.Fatal(err)
	}
	d, err = NewTable("Users").
		Column("ID", "BIGINT", GeneratedAlways).Column("name", "VARCHAR(40)", NotNull, Default("'nobody'")).
		Column("age", "INT").Column("org", "UUID").Column("boss", "BIGINT").Column(`"Price"`, "DECIMAL(10,2)").Column("doc", "JSON").
		PrimaryKey("id").Unique("name").Index("by_age", "age DESC", "name asc nulls first").Using(LSM).
		UniqueIndex("By_Price", `"Price" desc nulls last`, "id").
		Check("age > 0").Check("age < 200").NamedCheck("named", "boss <> id").
		ForeignKey([]string{"org"}, "Orgs", []string{"id"}, OnDelete(Cascade), OnUpdate(SetNull)).
		ForeignKey([]string{"boss"}, "users", nil, Named("chain")).
		ForeignKey([]string{"org"}, "orgs", nil).Build()
	if err != nil {
		t.Fatal(err)
	}
	if child, err = d.Resolve(nextID(), nextID, func(name string) (*Table, error) {
		if name != "orgs" {
			return nil, fmt.Errorf("%s?", name)
		}
		return parent, nil
	}); err != nil {
		t.Fatal(err)
	}
	return parent, child
}

func TestBuilder(t *testing.T) {
	parent, u := users(t)
	price := Type{Kind: Decimal, Precision: 10, Scale: 2}
	name := Type{Kind: String, Length: 40}
	want := &Table{
		ID: 103, Name: "users", Version: 1, NextColumn: 8,
		Columns: []Column{
			{ID: 1, Name: "id", Type: Type{Kind: Int64}, NotNull: true, Identity: IdentityAlways},
			{ID: 2, Name: "name", Type: name, NotNull: true, Default: "'nobody'"},
			{ID: 3, Name: "age", Type: Type{Kind: Int64}},
			{ID: 4, Name: "org", Type: Type{Kind: UUID}},
			{ID: 5, Name: "boss", Type: Type{Kind: Int64}},
			{ID: 6, Name: "Price", Type: price},
			{ID: 7, Name: "doc", Type: Type{Kind: JSON}},
		},
		PrimaryKey: []IndexColumn{{Column: 1}},
		Indexes: []Index{
			{ID: 104, Name: "users_name_key", Columns: []IndexColumn{{Column: 2}}, Unique: true, State: Ready},
			{ID: 105, Name: "by_age", Columns: []IndexColumn{{3, true, true}, {2, false, true}}, Using: LSM, State: Ready},
			{ID: 106, Name: "by_price", Columns: []IndexColumn{{6, true, false}, {Column: 1}}, Unique: true, State: Ready},
		},
		ForeignKeys: []ForeignKey{
			{"users_org_fkey", []uint16{4}, parent.ID, []uint16{1}, Cascade, SetNull},
			{"chain", []uint16{5}, 103, []uint16{1}, Restrict, Restrict},
			{"users_org_fkey1", []uint16{4}, parent.ID, []uint16{1}, Restrict, Restrict},
		},
		Checks: []Check{{"users_check", "age > 0"}, {"users_check1", "age < 200"}, {"named", "boss <> id"}},
		Layouts: []Layout{{[]StoredColumn{
			{3, Type{Kind: Int64}}, {4, Type{Kind: UUID}}, {5, Type{Kind: Int64}}, {6, price}, {2, name}, {7, Type{Kind: JSON}},
		}}},
	}
	want.prepare()
	if !reflect.DeepEqual(u, want) {
		t.Errorf("%+v, want\n%+v", u, want)
	}
	if c, at, found := u.Column("age"); !found || at != 2 || c.ID != 3 {
		t.Error(c, at, found)
	}
	if c, at, found := u.ColumnByID(99); found || c != nil || at != -1 {
		t.Error(c, at, found)
	}
}

func TestBuilderSaysWhatIsWrong(t *testing.T) {
	many := NewTable("many")
	for i := range MaxColumns + 1 {
		many.Column(fmt.Sprint("c", i), "INT")
	}
	for want, b := range map[string]*Builder{
		`table t: column a: type "X": there is none of this name`:                          NewTable("t").Column("a", "X").Column("a", "INT"),
		`table t: there are two columns a`:                                                 NewTable("t").Column("a", "INT").Column("A", "INT"),
		`table t: the primary key: there is no column b`:                                   NewTable("t").Column("a", "INT").PrimaryKey("b"),
		`table t: there are two primary keys`:                                              NewTable("t").Column("a", "INT").PrimaryKey("a").PrimaryKey("a"),
		`table t: the primary key has column a twice`:                                      NewTable("t").Column("a", "INT").PrimaryKey("a", "a desc"),
		`table t: the primary key: column a is JSON, which cannot be in a key`:             NewTable("t").Column("a", "JSON").PrimaryKey("a"),
		`table t: index i: there is no column x`:                                           NewTable("t").Column("a", "INT").Index("i", "x"),
		`table t: index i has no columns`:                                                  NewTable("t").Column("a", "INT").Index("i"),
		`table t: there are two indexes or constraints i`:                                  NewTable("t").Column("a", "INT").Index("i", "a").NamedCheck("I", "true"),
		`table t: check t_check is empty`:                                                  NewTable("t").Column("a", "INT").Check(""),
		`table t: a table has 1 to 1600 columns, not 0`:                                    NewTable("t"),
		`table many: a table has at most 1600 columns`:                                     many,
		`the name of the table is empty`:                                                   NewTable("").Column("a", "INT"),
		`table t: the name "" of a column is empty`:                                        NewTable("t").Column("", "INT"),
		`table t: there is no index yet that could use a method`:                           NewTable("t").Column("a", "INT").Using(LSM),
		`table t: foreign key t_b_fkey: there is no column b`:                              NewTable("t").Column("a", "INT").ForeignKey([]string{"b"}, "t", nil),
		`table t: column a: an identity column is a BIGINT without a default`:              NewTable("t").Column("a", "TEXT", GeneratedByDefault),
		`table t: column b: a table has one identity column, and there is another already`: NewTable("t").Column("a", "INT", GeneratedAlways).Column("b", "INT", GeneratedAlways),
	} {
		if d, err := b.Build(); d != nil || !errors.Is(err, ErrSchema) || err.Error() != want {
			t.Errorf("%v, want\n%s", err, want)
		}
	}
	long := strings.Repeat("n", MaxNameBytes)
	d, err := NewTable(long).Column(long, "INT").Unique(long).Unique(long).Check("true").Build()
	if err != nil || len(d.Table.Indexes[1].Name) != MaxNameBytes || !strings.HasSuffix(d.Table.Indexes[1].Name, "_key1") {
		t.Error(d, err)
	}
	if _, err := NewTable(long+"n").Column("a", "INT").Build(); !errors.Is(err, ErrSchema) {
		t.Error(err)
	}
}

func TestReferencesAreChecked(t *testing.T) {
	parent, _ := users(t)
	for want, r := range map[string]Reference{
		"table c: foreign key f: there is no column x":                            {Columns: []string{"x"}},
		"table c: foreign key f: table orgs has no column x":                      {Columns: []string{"u"}, ParentColumns: []string{"x"}},
		"table c: foreign key f: 2 columns cannot refer to 1 of table orgs":       {Columns: []string{"u", "s"}},
		"table c: foreign key f: column s is a TEXT, and id of table orgs a UUID": {Columns: []string{"s"}},
		"table c: foreign key f: these columns are not the primary key of table orgs, nor those of a unique index": {
			Columns: []string{"u", "s"}, ParentColumns: []string{"id", "name"},
		},
		"": {Columns: []string{"s"}, ParentColumns: []string{"name"}},
	} {
		d, err := NewTable("c").Column("u", "UUID").Column("s", "TEXT").Build()
		if err != nil {
			t.Fatal(err)
		}
		r.Name = "f"
		_, err = d.Table.ForeignKey(r, parent)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want || !errors.Is(err, ErrSchema)) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestChangesOfASchema(t *testing.T) {
	_, u := users(t)
	before := u.Encode()
	for name, c := range map[string]struct {
		change func() (*Table, error)
		err    error
		done   func(next *Table) bool
	}{
		"add a column": {func() (*Table, error) {
			return u.AddColumn(Column{Name: "x", Type: Type{Kind: Bool}, Missing: BoolOf(true)})
		}, nil, func(n *Table) bool { return len(n.Layouts) == 2 && n.Columns[7].ID == 8 && n.NextColumn == 9 }},
		"add a column that is there":   {func() (*Table, error) { return u.AddColumn(Column{Name: "age", Type: Type{Kind: Bool}}) }, ErrDuplicate, nil},
		"add a column of no type":      {func() (*Table, error) { return u.AddColumn(Column{Name: "x"}) }, ErrSchema, nil},
		"add a column of another type": {func() (*Table, error) { return u.AddColumn(Column{Name: "x", Type: types[0], Missing: Str("")}) }, ErrSchema, nil},
		"add a column with too long text": {func() (*Table, error) {
			return u.AddColumn(Column{Name: "x", Type: Type{Kind: String, Length: 1}, Missing: Str("ab")})
		}, ErrSchema, nil},
		"drop a column":                  {func() (*Table, error) { return u.DropColumn("doc") }, nil, func(n *Table) bool { return len(n.Layouts) == 2 && len(n.Columns) == 6 }},
		"drop a column of the key":       {func() (*Table, error) { return u.DropColumn("id") }, ErrInUse, nil},
		"drop a column of an index":      {func() (*Table, error) { return u.DropColumn("age") }, ErrInUse, nil},
		"drop a column of a foreign key": {func() (*Table, error) { return u.DropColumn("org") }, ErrInUse, nil},
		"drop no column":                 {func() (*Table, error) { return u.DropColumn("x") }, ErrUnknown, nil},
		"rename a column":                {func() (*Table, error) { return u.RenameColumn("age", "years") }, nil, func(n *Table) bool { return n.Columns[2].Name == "years" && len(n.Layouts) == 1 }},
		"rename to a name that is there": {func() (*Table, error) { return u.RenameColumn("age", "id") }, ErrDuplicate, nil},
		"rename":                         {func() (*Table, error) { return u.RenameTable("people") }, nil, func(n *Table) bool { return n.Name == "people" }},
		"rename to nothing":              {func() (*Table, error) { return u.RenameTable("") }, ErrSchema, nil},
		"longer text in an index":        {func() (*Table, error) { return u.WidenType("name", Type{Kind: String}) }, nil, func(n *Table) bool { return len(n.Layouts) == 1 && n.Columns[1].Type.Length == 0 }},
		"another form in an index":       {func() (*Table, error) { return u.WidenType("age", Type{Kind: Float64}) }, ErrInUse, nil},
		"a narrower type":                {func() (*Table, error) { return u.WidenType("name", Type{Kind: String, Length: 3}) }, ErrSchema, nil},
		"default":                        {func() (*Table, error) { return u.SetDefault("age", "1") }, nil, func(n *Table) bool { return n.Columns[2].Default == "1" }},
		"default of an identity":         {func() (*Table, error) { return u.SetDefault("id", "1") }, ErrSchema, nil},
		"not null":                       {func() (*Table, error) { return u.SetNotNull("age") }, nil, func(n *Table) bool { return n.Columns[2].NotNull && len(n.Layouts) == 1 }},
		"not null where set null":        {func() (*Table, error) { return u.SetNotNull("org") }, ErrSchema, nil},
		"null":                           {func() (*Table, error) { return u.DropNotNull("name") }, nil, func(n *Table) bool { return !n.Columns[1].NotNull }},
		"null in the key":                {func() (*Table, error) { return u.DropNotNull("id") }, ErrSchema, nil},
		"add an index": {func() (*Table, error) {
			return u.AddIndex(Index{ID: 9, Name: "x", Columns: []IndexColumn{{Column: 3}}})
		}, nil, func(n *Table) bool { return n.Indexes[3].ID == 9 && n.Indexes[3].State == Building }},
		"add an index with a used id": {func() (*Table, error) {
			return u.AddIndex(Index{ID: 104, Name: "x", Columns: []IndexColumn{{Column: 3}}})
		}, ErrSchema, nil},
		"add an index of JSON": {func() (*Table, error) {
			return u.AddIndex(Index{ID: 9, Name: "x", Columns: []IndexColumn{{Column: 7}}})
		}, ErrSchema, nil},
		"drop an index":             {func() (*Table, error) { return u.DropIndex("by_age") }, nil, func(n *Table) bool { return len(n.Indexes) == 2 }},
		"drop no index":             {func() (*Table, error) { return u.DropIndex("named") }, ErrUnknown, nil},
		"state":                     {func() (*Table, error) { return u.SetIndexState("by_age", Building) }, nil, func(n *Table) bool { return n.Indexes[1].State == Building }},
		"state of no index":         {func() (*Table, error) { return u.SetIndexState("x", Building) }, ErrUnknown, nil},
		"add a check":               {func() (*Table, error) { return u.AddCheck(Check{"x", "true"}) }, nil, func(n *Table) bool { return len(n.Checks) == 4 }},
		"add a check that is there": {func() (*Table, error) { return u.AddCheck(Check{"by_age", "true"}) }, ErrDuplicate, nil},
		"change a check":            {func() (*Table, error) { return u.SetCheck("named", "false") }, nil, func(n *Table) bool { return n.Checks[2].Expr == "false" }},
		"change no check":           {func() (*Table, error) { return u.SetCheck("x", "false") }, ErrUnknown, nil},
		"add a foreign key": {func() (*Table, error) {
			return u.AddForeignKey(ForeignKey{Name: "x", Columns: []uint16{3}, ParentColumns: []uint16{1}})
		}, nil, func(n *Table) bool { return len(n.ForeignKeys) == 4 }},
		"add a foreign key of nothing": {func() (*Table, error) { return u.AddForeignKey(ForeignKey{Name: "x"}) }, ErrSchema, nil},
		"drop a check":                 {func() (*Table, error) { return u.DropConstraint("named") }, nil, func(n *Table) bool { return len(n.Checks) == 2 }},
		"drop a foreign key":           {func() (*Table, error) { return u.DropConstraint("chain") }, nil, func(n *Table) bool { return len(n.ForeignKeys) == 2 }},
		"drop no constraint":           {func() (*Table, error) { return u.DropConstraint("by_age") }, ErrUnknown, nil},
	} {
		next, err := c.change()
		switch {
		case c.err != nil && (!errors.Is(err, c.err) || next != nil || !errors.Is(err, ErrSchema) || !strings.HasPrefix(err.Error(), "table ") && !strings.Contains(err.Error(), "name of the table")):
			t.Errorf("%s: %v", name, err)
		case c.err == nil && (err != nil || !c.done(next) || next.Version != 2):
			t.Errorf("%s: %+v, %v", name, next, err)
		}
	}
	if _, err := u.DropConstraint("by_age"); !strings.Contains(err.Error(), "drop it with DropIndex") {
		t.Error(err)
	}
	if !slices.Equal(before, u.Encode()) {
		t.Error("a change has changed the table itself")
	}
}

// Every schema has one encoding, and one that is cut off, or has a bit turned, is refused or another valid one.
func TestDamagedSchemasAreFoundOrHarmless(t *testing.T) {
	_, u := users(t)
	u, err := u.AddColumn(Column{Name: "x", Type: Type{Kind: Decimal, Precision: 4, Scale: 2}, Missing: DecimalOf(-5, 2)})
	if err != nil {
		t.Fatal(err)
	}
	if u, err = u.AddColumn(Column{Name: "y", Type: Type{Kind: UUID}, Missing: UUIDOf([16]byte{1})}); err != nil {
		t.Fatal(err)
	}
	b := u.Encode()
	if got, err := DecodeTable(b); err != nil || !reflect.DeepEqual(got, u) {
		t.Fatalf("%+v, %v", got, err)
	}
	for n := range b {
		if _, err := DecodeTable(b[:n]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut off at %d: %v", n, err)
		}
	}
	if _, err := DecodeTable(append(slices.Clone(b), 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("with another byte: %v", err)
	}
	for i := range b {
		for bit := range 8 {
			flipped := slices.Clone(b)
			flipped[i] ^= 1 << bit
			checkDecodeTable(t, flipped)
		}
	}
}

// checkDecodeTable decodes what may be a schema. If it is one, it is valid and encoded again as it was.
func checkDecodeTable(t *testing.T, b []byte) {
	t.Helper()
	table, err := DecodeTable(b)
	if err != nil {
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("% x: %v", b, err)
		}
		return
	}
	if err := table.Validate(); err != nil {
		t.Fatalf("% x: %v", b, err)
	}
	if got := table.Encode(); !slices.Equal(got, b) {
		t.Fatalf("% x is encoded as % x", b, got)
	}
	row := make([]Value, len(table.Columns))
	stored, err := table.AppendRow(nil, row)
	if err != nil {
		t.Fatalf("% x: a row of NULLs: %v", b, err)
	}
	if _, err := table.NewRowDecoder([]int{len(row) - 1}).Decode(nil, AppendRowID(nil, 1), stored); err != nil && !errors.Is(err, ErrDamaged) {
		t.Fatalf("% x: %v", b, err)
	}
	_, _, _ = table.appendKey(nil, table.PrimaryKey, row)
}
