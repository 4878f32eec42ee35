package levels

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

// A history is what a store has been told: the state after each edit that was acknowledged.
type history struct {
	states []string
	models []model
}

func (h *history) note(s *store) {
	h.states = append(h.states, describeState(s.set))
	h.models = append(h.models, maps.Clone(s.model))
}

func describeState(s *Set) string {
	return fmt.Sprintf("flushed %d %x\n%v", s.FlushedSeq(), s.Identity().LogID, s.Current())
}

// TestCrashLosesNoEdit cuts the power at every mutating call of flushes, compactions, manifest
// rotations and reopenings. What is found then is the last acknowledged state, or that of the edit
// under way.
func TestCrashLosesNoEdit(t *testing.T) {
	rng := newRand(t)
	mem := newMem(t)
	var h history
	var next string // the state that the edit under way leads to, if any
	var nextModel model
	var now int64
	crashes, whole := 0, 0
	cut := func(op vfs.Op) {
		for _, o := range []vfs.CrashOptions{{Unsynced: vfs.LoseAll}, {Unsynced: vfs.KeepAll}, {Unsynced: vfs.Random}} {
			crashes++
			s, err := Load(testOptions(mem.CrashClone(rng, o)))
			if len(h.states) == 0 && errors.Is(err, ErrNotDatabase) {
				continue
			}
			if err != nil {
				t.Fatalf("before %v, %v: %v", op, o, err)
			}
			got := describeState(s)
			switch {
			case len(h.states) > 0 && got == h.states[len(h.states)-1]:
			case got == next || next == "" && len(h.states) == 0:
			default:
				t.Fatalf("before %v, %v: found\n%s\nwant\n%s\nor\n%s", op, o, got, h.states[len(h.states)-1], next)
			}
			if _, err := s.Resume(); err != nil {
				t.Fatalf("before %v, %v: resume: %v", op, o, err)
			}
			if whole++; whole%10 == 0 { // reading everything takes its time
				model := nextModel
				if len(h.states) > 0 && got == h.states[len(h.states)-1] {
					model = h.models[len(h.models)-1]
				}
				check(t, rng, s.Current(), model, now)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := newStore(t, vfs.NewTrace(mem, cut), rng)
	s.keys = 300
	h.note(s)
	apply := func(e Edit) {
		// What the edit leads to is known from a dry run beside the Set.
		levels, err := s.set.next(&e)
		if err != nil {
			t.Fatal(err)
		}
		after := &Set{flushed: max(s.set.flushed, e.FlushedSeq), identity: s.set.identity, current: newVersion(levels, nil, nil)}
		next, nextModel, now = describeState(after), maps.Clone(s.model), s.now
		if _, err := s.set.Apply(e); err != nil {
			t.Fatal(err)
		}
		h.note(s)
		next = ""
		if err := s.clean(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		if i%2 == 0 {
			es, ranges := s.fill(1 + rng.IntN(40))
			e, err := Flush(s.b, &sliceIter{es: es}, ranges, s.now)
			if err != nil {
				t.Fatal(err)
			}
			e.FlushedSeq = s.seq
			apply(e)
		}
		if c, ok := s.p.Pick(s.set.Current(), nil, rng.IntN(NumLevels), s.now); ok && s.set.Claim(c) {
			e, err := c.Run(s.b, func() bool { return false }, s.now)
			if err != nil {
				t.Fatal(err)
			}
			apply(e)
			s.set.Release(c)
		}
		if i%15 == 14 {
			if err := s.set.Close(); err != nil {
				t.Fatal(err)
			}
			set, err := Load(s.options())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := set.Resume(); err != nil {
				t.Fatal(err)
			}
			s.use(set)
		}
	}
	t.Logf("%d crashes, %d edits, manifest %d", crashes, len(h.states), s.set.ManifestState().Number)
}

// TestFlippedByteIsNoticed flips every byte of the manifest and of the CURRENT file. The last edit
// may look torn, unless the log remembers it; everything else is damage, with file and offset.
func TestFlippedByteIsNoticed(t *testing.T) {
	rng := newRand(t)
	mem := newMem(t)
	s := newStore(t, mem, rng)
	var states []string
	var ends []int64
	for range 4 {
		states = append(states, describeState(s.set))
		ends = append(ends, s.set.ManifestState().Synced)
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	want := describeState(s.set)
	state := s.set.ManifestState()
	for _, name := range []string{ManifestName(state.Number), currentName(s.set.curNum)} {
		path := mem.Join("db", name)
		f, err := mem.OpenReadWrite(path)
		if err != nil {
			t.Fatal(err)
		}
		size, _ := f.Size()
		for off := range size {
			var b [1]byte
			if _, err := f.ReadAt(b[:], off); err != nil {
				t.Fatal(err)
			}
			bad := [1]byte{b[0] ^ 1<<rng.IntN(8)}
			if _, err := f.WriteAt(bad[:], off); err != nil {
				t.Fatal(err)
			}
			got, err := Load(testOptions(mem))
			var damage *integrity.CorruptionError
			switch {
			case errors.As(err, &damage):
				if damage.File != path || damage.Offset < 0 || damage.Offset > off {
					t.Fatalf("byte %d of %s: reported as %v", off, name, err)
				}
			case err != nil:
				t.Fatalf("byte %d of %s: %v", off, name, err)
			case describeState(got) == want && name == ManifestName(state.Number):
				t.Fatalf("byte %d of %s does not matter", off, name)
			case describeState(got) != states[3] || off < ends[3]:
				t.Fatalf("byte %d of %s: wrong state %s", off, name, describeState(got))
			case got.CheckManifestAtLeast(state.Number, ends[3]) != nil:
				t.Fatalf("byte %d of %s: the manifest is shorter than its last edit", off, name)
			case !errors.Is(got.CheckManifestAtLeast(state.Number, state.Synced), integrity.ErrCorruption):
				t.Fatalf("byte %d of %s: the log's word is not heard", off, name)
			}
			if _, err := f.WriteAt(b[:], off); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(testOptions(mem))
	if err != nil || describeState(got) != want || got.CheckManifestAtLeast(state.Number, state.Synced) != nil {
		t.Fatalf("not as before: %v", err)
	}
	if got.CheckManifestAtLeast(state.Number+1, 0) == nil {
		t.Error("an older manifest than the log names is accepted")
	}
}

// TestEveryFailureIsSafe fails each call to the file system in turn. Flush and compaction leave no
// files behind, the Set stays at the state before, and a restart finds that or the next one.
func TestEveryFailureIsSafe(t *testing.T) {
	for _, cause := range []error{errors.New("broken disk"), vfs.ErrNoSpace} {
		for n := 1; ; n++ {
			if !failNth(t, n, cause) {
				t.Logf("%v at each of %d calls", cause, n-1)
				break
			}
		}
	}
}

// failNth reopens, flushes and compacts while the n-th call fails, and reports whether there was one.
func failNth(t *testing.T, n int, cause error) bool {
	rng := rand.New(rand.NewPCG(7, 7))
	mem := newMem(t)
	s := newStore(t, mem, rng)
	for range 3 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	fault := vfs.NewFault(mem)
	o := s.options()
	o.FS = fault
	set, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	rule := fault.Inject(vfs.Rule{Ops: vfs.OpAny, N: int64(n), Err: cause})
	before, after := maps.Clone(s.model), s.model
	_, err = set.Resume()
	if err == nil {
		s.use(set)
		if err = s.flush(); err == nil {
			before = after
			c := pickL0(s)
			if !set.Claim(c) {
				t.Fatal("claim refused")
			}
			var e Edit
			if e, err = c.Run(s.b, func() bool { return false }, s.now); err == nil {
				err = s.apply(e)
			}
		}
	}
	fired := rule.Fired() > 0
	rule.Remove()
	if set.FlushedSeq() == s.seq {
		before = after // the edit was applied, and only deleting files failed
	}
	check(t, rng, set.Current(), before, s.now)
	again, lerr := Load(testOptions(mem))
	if lerr != nil {
		t.Fatalf("call %d failed with %v, and then: %v", n, err, lerr)
	}
	if again.FlushedSeq() == set.FlushedSeq() {
		check(t, rng, again.Current(), before, s.now)
	} else if set.Failure() == nil {
		t.Fatalf("call %d failed with %v: the disk is ahead of the Set", n, err)
	}
	for _, name := range again.strays {
		// What a failed removal leaves is for the next Resume, and an edit without space may be
		// applied again. Else only a failed Set leaves files.
		why := fmt.Sprint(err)
		excused := set.Failure() != nil || strings.Contains(why, "remove") || strings.Contains(why, "apply edit")
		if _, ok := ParseTableName(name); ok && !excused {
			t.Fatalf("call %d failed with %v and left %s", n, err, name)
		}
	}
	if fired && err != nil && set.Failure() == nil {
		s.model = before
		if err := s.flush(); err != nil {
			t.Fatalf("call %d failed with %v, and the next flush too: %v", n, err, err)
		}
		check(t, rng, s.set.Current(), s.model, s.now)
	}
	return fired
}

func pickL0(s *store) *Compaction {
	c, ok := s.p.Pick(s.set.Current(), nil, 0, s.now)
	if !ok {
		c, ok = s.p.Settle(s.set.Current(), nil, s.now)
	}
	if !ok {
		s.t.Fatal("nothing to compact")
	}
	return c
}
