package users

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

var (
	admin  = []Grant{{All, Admin}}
	reader = []Grant{{All, Read}}
)

// spawn opens a database in a file system in memory.
func spawn(t testing.TB, fs vfs.FS) *engine.DB {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "db", FS: fs, MemoryBudget: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// A clock is set by hand.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time { return c.now }

// openStore opens the users of a database, with as few iterations as are allowed.
func openStore(t testing.TB, db *engine.DB) *Store {
	t.Helper()
	s, err := open(db, rand.Reader, newClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	s.iterations = minIterations
	return s
}

func newStore(t testing.TB) *Store {
	t.Helper()
	return openStore(t, spawn(t, vfs.NewMem()))
}

func add(t testing.TB, s *Store, name, password string, grants []Grant) {
	t.Helper()
	if err := s.Add(t.Context(), name, password, grants); err != nil {
		t.Fatal(err)
	}
}

// login logs in with SCRAM.
func login(s *Store, name, password string) (*Identity, error) {
	client, err := scram.SHA256.NewClient(name, password, "")
	if err != nil {
		return nil, err
	}
	conv, c, in := client.NewConversation(), s.Conversation("tcp"), ""
	for {
		out, err := conv.Step(in)
		if err != nil {
			return nil, err
		}
		answer, done, err := c.Step([]byte(out))
		if err != nil {
			return nil, err
		}
		if in = string(answer); done {
			_, err = conv.Step(in)
			return c.Identity(), err
		}
	}
}

func TestFormatExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	text := string(doc)
	text = text[strings.Index(text, `{"version":1,"id"`):strings.Index(text, "\npackage users")]
	record := strings.ReplaceAll(strings.ReplaceAll(text, "\n//\t", ""), "\n", "")
	u, err := decode[userRecord]("user/user", []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(encode(u)); got != record {
		t.Errorf("it is encoded as\n%s\nnot\n%s", got, record)
	}
	if ok, err := u.Credentials.match("pencil"); !ok || err != nil {
		t.Error("the password is not pencil", err)
	}
	if got := newUser("user", u).identity.May(Read, "orders"); got != nil {
		t.Error(got)
	}
}

func TestLastAdminStays(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	if err := s.Add(ctx, "bob", "pw", reader); !errors.Is(err, wire.ErrInvalidArgument) {
		t.Errorf("the first user is a reader: %v", err)
	}
	add(t, s, "ada", "pw", admin)
	add(t, s, "bob", "pw", reader)
	if err := s.Remove(ctx, "ada"); !errors.Is(err, wire.ErrInvalidArgument) {
		t.Errorf("the last admin was removed: %v", err)
	}
	if err := s.SetGrants(ctx, "ada", []Grant{{"orders", Admin}}); !errors.Is(err, wire.ErrInvalidArgument) {
		t.Errorf("the last admin was demoted: %v", err)
	}
	if _, err := login(s, "ada", "pw"); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		s.SetGrants(ctx, "bob", admin),
		s.Remove(ctx, "ada"), // bob is one
		s.Remove(ctx, "bob", Force),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if s.Any() {
		t.Error(s.List())
	}
}

func TestChangesOfUsersThatAreMissingOrThere(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	for _, err := range []error{s.SetPassword(ctx, "ada", "x"), s.SetGrants(ctx, "ada", admin), s.Remove(ctx, "ada")} {
		if !errors.Is(err, wire.ErrUserMissing) {
			t.Error(err)
		}
	}
	add(t, s, "ada", "one", admin)
	if err := s.Add(ctx, "ada", "two", admin); !errors.Is(err, wire.ErrUserExists) {
		t.Error(err)
	}
	if err := s.SetPassword(ctx, "ada", "three"); err != nil {
		t.Error(err)
	}
	for password, want := range map[string]bool{"one": false, "two": false, "three": true} {
		if _, err := login(s, "ada", password); (err == nil) != want {
			t.Errorf("%s: %v", password, err)
		}
	}
}

// Two stores on one database are two admins whose changes meet in the database alone.
func TestAdminsDoNotDemoteEachOther(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	one := openStore(t, db)
	for round := range 20 {
		a, b := fmt.Sprint("a", round), fmt.Sprint("b", round)
		for _, u := range one.List() {
			if err := one.Remove(t.Context(), u.Name, Force); err != nil {
				t.Fatal(err)
			}
		}
		add(t, one, a, "pw", admin)
		add(t, one, b, "pw", admin)
		two := openStore(t, db)
		var wg sync.WaitGroup
		var errs [2]error
		wg.Go(func() { errs[0] = one.SetGrants(context.Background(), a, reader) })
		wg.Go(func() { errs[1] = two.SetGrants(context.Background(), b, reader) })
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("round %d: %v and %v", round, errs[0], errs[1])
		}
		if err := one.reload(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoChangeIsLost(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, fs)
	stores := []*Store{openStore(t, db), openStore(t, db)}
	add(t, stores[0], "root", "pw", admin)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := stores[i%2].Add(context.Background(), fmt.Sprint("user", i), "pw", reader); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := openStore(t, db).List(); len(got) != 9 {
		t.Errorf("%d users: %v", len(got), got)
	}
}

func TestRefreshFollowsTheUser(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	add(t, s, "root", "pw", admin)
	add(t, s, "ada", "pw", []Grant{{"orders", Read}})
	id, err := login(s, "ada", "pw")
	if err != nil {
		t.Fatal(err)
	}
	g := s.Generation()
	if err := s.SetGrants(ctx, "ada", []Grant{{"orders", Write}}); err != nil {
		t.Fatal(err)
	}
	if s.Generation() <= g {
		t.Error("the generation stands still")
	}
	if id.May(Write, "orders") == nil {
		t.Error("an identity changed")
	}
	now, err := s.Refresh(id)
	if err != nil || now.May(Write, "orders") != nil {
		t.Error(now, err)
	}
	if err := s.Remove(ctx, "ada"); err != nil {
		t.Fatal(err)
	}
	add(t, s, "ada", "other", admin)
	if _, err := s.Refresh(now); !errors.Is(err, wire.ErrAuthRequired) {
		t.Errorf("the session of one ada is that of the next: %v", err)
	}
	if id, err := s.Refresh(Superuser); id != Superuser || err != nil {
		t.Error(id, err)
	}
	if _, err := s.Refresh(Anonymous); !errors.Is(err, wire.ErrAuthRequired) {
		t.Errorf("who came before there were users stays: %v", err)
	}
	if id, err := newStore(t).Refresh(Anonymous); id != Anonymous || err != nil {
		t.Error(id, err)
	}
	if id, err := s.Lookup("ada"); err != nil || id.May(Admin, All) != nil {
		t.Error(id, err)
	}
	if _, err := s.Lookup("eve"); !errors.Is(err, wire.ErrUserMissing) {
		t.Error(err)
	}
}

func TestNamesAndPasswords(t *testing.T) {
	s := newStore(t)
	add(t, s, "root", "pw", admin)
	for _, c := range []struct {
		name, password string
		ok             bool
	}{
		{"ada", "pw", true},
		{"ada lovelace", "p w", true},
		{"a=b,c", "=,=2C", true},
		{"Jürgen", "pässword", true},
		{strings.Repeat("n", 128), strings.Repeat("p", 1024), true},
		{"", "pw", false},
		{" ada", "pw", false},
		{"a\nb", "pw", false},
		{"a\x00b", "pw", false},
		{"\xff", "pw", false},
		{"a🙂", "pw", false},
		{strings.Repeat("n", 129), "pw", false},
		{"x", "", false},
		{"x", "a\x7fb", false},
		{"x", strings.Repeat("p", 1025), false},
		{"x", strings.Repeat("p", 1<<20), false},
		{"x", "hunter2\xff", false},
	} {
		err := s.Add(t.Context(), c.name, c.password, reader)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, wire.ErrUserName) {
			t.Errorf("%.20q, %.20q: %v", c.name, c.password, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("an error shows a password: %v", err)
		}
		if c.ok {
			if _, err := login(s, c.name, c.password); err != nil {
				t.Errorf("%.20q, %.20q: %v", c.name, c.password, err)
			}
		}
	}
	// Examples of RFC 4013: one text in several forms.
	add(t, s, "I\u00adX", "\u2168", reader)
	if id, err := s.Authenticate(t.Context(), "tcp", "IX", "I\u00adX"); err != nil || id.Name() != "IX" {
		t.Error(id, err)
	}
}

func TestMay(t *testing.T) {
	id := newIdentity("ada", "1", []Grant{{"logs", Read}, {"orders", Write}, {"tmp", Admin}})
	all := newIdentity("bob", "2", []Grant{{All, Write}, {"tmp", Admin}, {"logs", Read}})
	root := newIdentity("root", "3", admin)
	for _, c := range []struct {
		id       *Identity
		role     Role
		keyspace string
		want     bool
	}{
		{id, Read, "logs", true},
		{id, Write, "logs", false},
		{id, Admin, "logs", false},
		{id, Read, "orders", true},
		{id, Write, "orders", true},
		{id, Admin, "orders", false},
		{id, Admin, "tmp", true},
		{id, Read, "other", false},
		{id, Read, "default", false},
		{id, Read, All, false},
		{id, Read, "middb.users", false},
		{id, Read, "middb.x", false},
		{all, Write, "other", true},
		{all, Admin, "other", false},
		{all, Admin, "tmp", true},
		{all, Write, "logs", true},
		{all, Read, "middb.x", false},
		{all, Write, All, true},
		{all, Admin, All, false},
		{root, Admin, "other", true},
		{root, Admin, All, true},
		{root, Write, "middb.x", true},
		{root, Read, "middb.users", true},
		{root, Write, "middb.users", false},
		{Superuser, Admin, All, true},
		{Superuser, Read, "middb.users", true},
		{Superuser, Admin, "middb.users", false},
	} {
		err := c.id.May(c.role, c.keyspace)
		if (err == nil) != c.want || err != nil && !errors.Is(err, wire.ErrPermissionDenied) {
			t.Errorf("%q, %v in %s: %v", c.id.Name(), c.role, c.keyspace, err)
		}
	}
	if got := id.May(Write, "logs").Error(); got != "user ada needs the role write in keyspace logs" {
		t.Error(got)
	}
}

func TestGrantsThatMeanNothingAreRefused(t *testing.T) {
	s := newStore(t)
	add(t, s, "root", "pw", admin)
	for _, g := range [][]Grant{
		{{"orders", 0}},
		{{"orders", 4}},
		{{"", Read}},
		{{strings.Repeat("k", 256), Read}},
		{{"middb.users", Read}},
		{{"a", Read}, {"a", Write}},
		make([]Grant, maxGrants+1),
	} {
		if err := s.SetGrants(t.Context(), "root", g); !errors.Is(err, wire.ErrInvalidArgument) {
			t.Errorf("%.3v: %v", g, err)
		}
	}
	given := []Grant{{"b", Read}, {"a", Write}}
	add(t, s, "ada", "pw", given)
	given[0].Role = Admin
	if got := s.List()[0].Grants; !reflect.DeepEqual(got, []Grant{{"a", Write}, {"b", Read}}) {
		t.Error(got)
	}
}

func TestRecordsThatCannotBeUsedAreRefused(t *testing.T) {
	good := func(change func(map[string]any)) string {
		c, _ := derive("pw", []byte("saltsalt"), minIterations)
		var m map[string]any
		if err := json.Unmarshal(encode(userRecord{recordVersion, []byte("id"), admin, c}), &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		out, _ := json.Marshal(m)
		return string(out)
	}
	scramOf := func(m map[string]any) map[string]any { return m["scram-sha-256"].(map[string]any) }
	for name, c := range map[string]struct{ key, value, want string }{
		"good":        {"user/ada", good(func(map[string]any) {}), ""},
		"empty":       {"user/ada", "", "JSON"},
		"newer":       {"user/ada", good(func(m map[string]any) { m["version"], m["x"] = 2, 1 }), "version 2"},
		"no version":  {"user/ada", `{}`, "version 0"},
		"extra":       {"user/ada", good(func(m map[string]any) { m["x"] = 1 }), "unknown field"},
		"role":        {"user/ada", good(func(m map[string]any) { m["grants"] = []any{map[string]any{"keyspace": "*", "role": "god"}} }), "god"},
		"iterations":  {"user/ada", good(func(m map[string]any) { scramOf(m)["iterations"] = 1 }), "iterations"},
		"huge":        {"user/ada", good(func(m map[string]any) { scramOf(m)["iterations"] = 1 << 40 }), "iterations"},
		"short key":   {"user/ada", good(func(m map[string]any) { scramOf(m)["stored_key"] = "AAAA" }), "length"},
		"id":          {"user/ada", good(func(m map[string]any) { m["id"] = "" }), "id"},
		"name":        {"user/ ada", good(func(map[string]any) {}), "name"},
		"foreign key": {"users/ada", "1", "neither"},
		"secret":      {"meta", `{"version":1,"secret":"AAAA"}`, "secret"},
	} {
		db := spawn(t, vfs.NewMem())
		ks, err := db.Keyspace(Keyspace, engine.KeyspaceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := ks.Put([]byte(c.key), []byte(c.value)); err != nil {
			t.Fatal(err)
		}
		_, err = Open(db)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrRecord) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadOnlyDatabaseShowsItsUsers(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, fs)
	add(t, openStore(t, db), "ada", "pw", admin)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := engine.Spawn(engine.Config{Dir: "db", FS: fs, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := openStore(t, db)
	if got := s.List(); len(got) != 1 || got[0].Name != "ada" {
		t.Error(got)
	}
	if err := s.Add(t.Context(), "bob", "pw", reader); !errors.Is(err, engine.ErrReadOnly) {
		t.Error(err)
	}
}

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 5}, "10.1.2.3"},
		{&net.TCPAddr{IP: net.ParseIP("::ffff:10.1.2.3"), Port: 6}, "10.1.2.3"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3:4:5:6"), Port: 5}, "2001:db8:1:2::/64"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::/64"},
		{&net.UnixAddr{Name: "@", Net: "unix"}, "unix"},
		{&net.TCPAddr{}, "tcp"},
	} {
		if got := Origin(c.addr); got != c.want {
			t.Errorf("%v: %s, want %s", c.addr, got, c.want)
		}
	}
}
