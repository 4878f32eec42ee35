package users

import (
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

// entry is what a model knows of a user.
type entry struct {
	password string
	role     Role
}

// observed returns what a store says, with the passwords that the model has if they are right. What was
// found out about credentials is kept in known.
func observed(t rapid.TB, s *Store, model map[string]entry, known map[string]bool) map[string]entry {
	out := map[string]entry{}
	for _, u := range s.List() {
		e := entry{role: u.Grants[0].Role}
		c, password := s.state.Load().users[u.Name].record.Credentials, model[u.Name].password
		right, ok := known[password+string(c.StoredKey)]
		if !ok {
			var err error
			if right, err = c.match(password); err != nil {
				t.Fatal(err)
			}
			known[password+string(c.StoredKey)] = right
		}
		if right {
			e.password = password
		}
		out[u.Name] = e
	}
	return out
}

// TestStoreAgreesWithItsModel makes random changes, compares what they answer and leave with a map, and opens
// the store anew after a loss of power that takes everything that was not synced.
func TestStoreAgreesWithItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewMem()
		var db *engine.DB
		var s *Store
		start := func() {
			var err error
			if db, err = engine.Spawn(engine.Config{Dir: "db", FS: fs, MemoryBudget: 4 << 20, Durability: engine.NoSync}); err != nil {
				t.Fatal(err)
			}
			if s, err = Open(db); err != nil {
				t.Fatal(err)
			}
			s.iterations = minIterations
		}
		start()
		defer func() { db.Close() }()
		model, known := map[string]entry{}, map[string]bool{}
		// try plays a change on the model; it is refused if no admin is left.
		try := func(force bool, name string, e *entry) error {
			after := maps.Clone(model)
			if delete(after, name); e != nil {
				after[name] = *e
			}
			admins := 0
			for _, e := range after {
				if e.role == Admin {
					admins++
				}
			}
			if admins == 0 && !force {
				return wire.ErrInvalidArgument
			}
			model = after
			return nil
		}
		names := rapid.SampledFrom([]string{"ada", "bob", "eve"})
		roles := rapid.SampledFrom([]Role{Read, Write, Admin, Admin})
		passwords := rapid.SampledFrom([]string{"one", "two"})
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if got := observed(t, s, model, known); !maps.Equal(got, model) {
					t.Fatalf("the store has %v, the model %v", got, model)
				}
			},
			"change": func(t *rapid.T) {
				name, e := names.Draw(t, "name"), entry{passwords.Draw(t, "password"), roles.Draw(t, "role")}
				old, there := model[name]
				force := rapid.Bool().Draw(t, "force")
				var o []Option
				if force {
					o = append(o, Force)
				}
				var got, want error
				switch rapid.SampledFrom([]string{"add", "passwd", "grant", "remove"}).Draw(t, "op") {
				case "add":
					got = s.Add(t.Context(), name, e.password, []Grant{{All, e.role}}, o...)
					if want = wire.ErrUserExists; !there {
						want = try(force, name, &e)
					}
				case "passwd":
					got = s.SetPassword(t.Context(), name, e.password)
					if want = wire.ErrUserMissing; there {
						want = try(true, name, &entry{e.password, old.role})
					}
				case "grant":
					got = s.SetGrants(t.Context(), name, []Grant{{All, e.role}}, o...)
					if want = wire.ErrUserMissing; there {
						want = try(force, name, &entry{old.password, e.role})
					}
				default:
					got = s.Remove(t.Context(), name, o...)
					if want = wire.ErrUserMissing; there {
						want = try(force, name, nil)
					}
				}
				if !errors.Is(got, want) {
					t.Fatalf("got %v, want %v", got, want)
				}
			},
			"power cut": func(*rapid.T) {
				fs = fs.CrashClone(nil, vfs.CrashOptions{})
				_ = db.Close() // of the past; its file system is gone
				start()
			},
		})
	})
}

// TestPowerCutLeavesWholeChanges cuts the power, losing any part of what is not synced, while users are added.
func TestPowerCutLeavesWholeChanges(t *testing.T) {
	seed := uint64(18)
	for round := range 30 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		fs := vfs.NewMem()
		s := openStore(t, spawn(t, fs))
		done := make(chan int)
		var clone *vfs.Mem
		acked := 0
		go func() {
			defer close(done)
			for i := range 5 {
				name := string(rune('a' + i))
				if err := s.Add(t.Context(), name, name, admin); err != nil {
					t.Error(err)
				}
				done <- i + 1
			}
		}()
		for n := range done {
			acked = n
			if rng.IntN(3) == 0 {
				clone = fs.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Random})
				break
			}
		}
		for range done { // let it end
		}
		if clone == nil {
			clone = fs.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Random})
		}
		after := openStore(t, spawn(t, clone))
		if n := len(after.List()); n < acked || n > acked+1 {
			t.Fatalf("seed %d round %d: %d users, %d were acknowledged", seed, round, n, acked)
		}
		for _, u := range after.List() {
			if _, err := login(after, u.Name, u.Name); err != nil {
				t.Fatalf("seed %d round %d: %v", seed, round, err)
			}
		}
	}
}

func FuzzConversation(f *testing.F) {
	db, err := engine.Spawn(engine.Config{Dir: "db", FS: vfs.NewMem()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	s := openStore(f, db)
	add(f, s, "ada", "right", admin)
	f.Add("n,,n=ada,r=x", "c=biws,r=x,p=AAAA")
	f.Add("y,a=ada,n=ada,r=x", "c=eSxhPWFkYSw=,r=x,p=AAAA")
	f.Fuzz(func(t *testing.T, first, final string) {
		c := s.Conversation(first)
		_, done, err := c.Step([]byte(first))
		if done != (err != nil) {
			t.Fatal(done, err)
		}
		if _, done, err = c.Step([]byte(final)); !done || err == nil || c.Identity() != nil {
			t.Fatal("let in without the password", done, err)
		}
	})
}

// FuzzRecord feeds the decoders with anything; what they take is encoded as the same record.
func FuzzRecord(f *testing.F) {
	c, err := derive("pw", []byte("saltsalt"), minIterations)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encode(userRecord{recordVersion, []byte("id"), admin, c}))
	f.Add([]byte(`{"version":1,"secret":"AAAA"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if r, err := decode[userRecord]("user/x", value); err == nil {
			again, err := decode[userRecord]("user/x", encode(r))
			if err != nil || string(encode(again)) != string(encode(r)) {
				t.Fatal(err)
			}
		}
		_, _ = decode[metaRecord]("meta", value)
	})
}
