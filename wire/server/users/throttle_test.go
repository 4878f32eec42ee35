package users

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

func TestFailedLoginsAreSlowedDown(t *testing.T) {
	clock := newClock()
	s, err := open(spawn(t, vfs.NewMem()), rand.Reader, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.iterations = minIterations
	add(t, s, "ada", "right", admin)
	for _, user := range []string{"ada", "eve"} { // whether there is such a user makes no difference
		try := func(from, password string) string {
			_, err := s.Authenticate(t.Context(), from, user, password)
			if err == nil {
				return "in"
			}
			if !errors.Is(err, wire.ErrAuthFailed) {
				t.Fatal(err)
			}
			return err.Error()
		}
		const wrong, wait = "the user or the password is wrong", "too many logins of this user from here have failed; the next can be tried in 3s"
		for i := range failuresAtOnce {
			if got := try("here", "wrong"); got != wrong {
				t.Fatalf("%s, failure %d: %s", user, i+1, got)
			}
		}
		if got := try("here", "right"); got != wait {
			t.Errorf("%s: the password is looked at: %s", user, got)
		}
		if got := try("elsewhere", "wrong"); got != wrong {
			t.Errorf("%s: others have to wait: %s", user, got)
		}
		clock.now = clock.now.Add(failureInterval)
		if got := try("here", "wrong"); got != wrong {
			t.Errorf("%s: still: %s", user, got)
		}
		if got := try("here", "right"); got != wait {
			t.Errorf("%s: more than one: %s", user, got)
		}
		clock.now = clock.now.Add(failureInterval)
		if got := try("here", "right"); user == "ada" && got != "in" {
			t.Errorf("%s: the right password is refused: %s", user, got)
		}
	}
}

func TestSCRAMAndPlainFailuresCountTogether(t *testing.T) {
	s := newStore(t)
	add(t, s, "ada", "right", admin)
	for i := range failuresAtOnce {
		if i%2 == 0 {
			_, _ = login(s, "ada", "wrong")
		} else {
			_, _ = s.Authenticate(t.Context(), "tcp", "ada", "wrong")
		}
	}
	if _, err := login(s, "ada", "right"); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Error(err)
	}
	if _, err := s.Authenticate(t.Context(), "tcp", "ada", "right"); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Error(err)
	}
}

func TestManyRightLoginsAtOnceAreLetIn(t *testing.T) {
	s := newStore(t)
	add(t, s, "ada", "right", admin)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = login(s, "ada", "right")
			} else {
				_, err = s.Authenticate(t.Context(), "tcp", "ada", "right")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestThrottleForgetsWhoFailedLongestAgo(t *testing.T) {
	var th throttle
	now := time.Unix(1_800_000_000, 0)
	fail := func(name string) time.Duration {
		return th.try([2]string{"here", name}, now, func() bool { return false })
	}
	for range failuresAtOnce {
		fail("ada")
		fail("bob")
	}
	for i := range throttledEntries - 1 { // pushes out ada, who failed before bob
		fail(fmt.Sprint(i))
	}
	if len(th.buckets) != throttledEntries || th.recent.Len() != throttledEntries {
		t.Errorf("it remembers %d and %d", len(th.buckets), th.recent.Len())
	}
	if fail("bob") == 0 {
		t.Error("bob is forgotten")
	}
	if fail("ada") != 0 {
		t.Error("ada is not forgotten")
	}
}

// However failures and time alternate, in any stretch of time not more fail than the package promises.
func TestThrottleKeepsItsRate(t *testing.T) {
	var th throttle
	now := time.Unix(1_800_000_000, 0)
	start, failed := now, 0
	steps := []time.Duration{0, time.Millisecond, time.Second, failureInterval - 1, 10 * time.Second, 0, 0}
	for i := range 5000 {
		if th.try([2]string{"here", "ada"}, now, func() bool { return false }) == 0 {
			failed++
		}
		if most := failuresAtOnce + int(now.Sub(start)/failureInterval); failed > most {
			t.Fatalf("step %d: %d have failed, %d may", i, failed, most)
		}
		now = now.Add(steps[i*i%len(steps)])
	}
	if failed < failuresAtOnce*2 {
		t.Errorf("only %d were let in", failed)
	}
}
