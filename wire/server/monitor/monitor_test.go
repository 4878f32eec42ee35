package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/metrics"
	"github.com/middb/middb/vfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a small database in memory, on a file system that may fail.
func open(t testing.TB) (*engine.DB, *vfs.Fault) {
	t.Helper()
	fs := vfs.NewFault(vfs.NewMem())
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: fs, MemoryBudget: 8 << 20})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() }) // some are made to fail
	return db, fs
}

// server is a Source with numbers of its own for everything.
type server struct{ latency metrics.Histogram }

func (s *server) Activity() Activity {
	return Activity{
		Operations: []Operation{
			{Name: "get", Errors: 2, Latency: s.latency.Snapshot()},
			{Name: "never"},
		},
		Connections: 101, Sessions: 102, InFlight: 103, Transactions: 104, Cursors: 105, UnsentBytes: 106,
		Accepted: 107, Refused: 108, Rejected: 109, BytesIn: 110, BytesOut: 111,
	}
}

// get asks a handler and returns status and body.
func get(t testing.TB, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// scrape returns what Prometheus would see.
func scrape(t testing.TB, h http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := get(t, h, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	must(t, err)
	return families
}

// value returns the value of a metric that has these labels, each as name=value.
func value(t testing.TB, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	f := families[name]
	if f == nil {
		t.Fatalf("there is no %s", name)
	}
	for _, m := range f.Metric {
		var have []string
		for _, l := range m.Label {
			have = append(have, l.GetName()+"="+l.GetValue())
		}
		if strings.Join(have, ",") == strings.Join(labels, ",") {
			switch {
			case m.Counter != nil:
				return m.Counter.GetValue()
			case m.Gauge != nil:
				return m.Gauge.GetValue()
			default:
				return float64(m.Histogram.GetSampleCount())
			}
		}
	}
	t.Fatalf("there is no %s with labels %v", name, labels)
	return 0
}

func TestMetricsAreCleanInTheEyesOfTheLinter(t *testing.T) {
	db, _ := open(t)
	s := &server{}
	s.latency.Record(1)
	r := newRegistry(db, &Options{Servers: map[string]Source{"middb": s}, Version: "1"})
	problems, err := testutil.GatherAndLint(r)
	must(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// What the issue asks for by name is there, and moves when there is work.
func TestNumbersMoveWithWork(t *testing.T) {
	db, _ := open(t)
	s := &server{}
	h := New(db, Options{Servers: map[string]Source{"middb": s}, Version: "v1"})
	before := scrape(t, h)
	if before["middb_operation_duration_seconds"] != nil {
		t.Error("an operation that nobody asked for is shown")
	}
	work(t, db)
	snapshot, err := db.Snapshot()
	must(t, err)
	defer func() { must(t, snapshot.Close()) }()
	for range 3 {
		s.latency.Record(int64(3 * time.Millisecond))
	}
	after := scrape(t, h)
	for _, m := range []struct {
		name   string
		labels []string
	}{
		{"middb_visible_sequence_number", nil},
		{"middb_durable_sequence_number", nil},
		{"middb_commits_total", nil},
		{"middb_written_bytes_total", nil},
		{"middb_written_operations_total", nil},
		{"middb_log_written_bytes_total", nil},
		{"middb_log_sync_duration_seconds", nil},
		{"middb_flushes_total", nil},
		{"middb_flush_written_bytes_total", nil},
		{"middb_compactions_total", nil},
		{"middb_compaction_read_bytes_total", nil},
		{"middb_compaction_written_bytes_total", nil},
		{"middb_write_amplification", nil},
		{"middb_space_amplification", nil},
		{"middb_level_files", []string{"level=6"}},
		{"middb_level_bytes", []string{"level=6"}},
		{"middb_level_entries", []string{"level=6"}},
		{"middb_cache_hits_total", nil},
		{"middb_cache_misses_total", nil},
		{"middb_table_gets_total", nil},
		{"middb_filter_checks_total", []string{"result=found"}},
		{"middb_filter_checks_total", []string{"result=excluded"}},
		{"middb_views_open", nil},
		{"middb_oldest_view_age_seconds", nil},
		{"middb_transactions_begun_total", nil},
		{"middb_transactions_committed_total", nil},
		{"middb_transaction_conflicts_total", nil},
		{"middb_actor_busy_seconds_total", []string{"actor=log writer"}},
		{"middb_actor_busy_seconds_total", []string{"actor=coordinator"}},
	} {
		if was, is := value(t, before, m.name, m.labels...), value(t, after, m.name, m.labels...); is <= was {
			t.Errorf("%s %v was %v and is %v", m.name, m.labels, was, is)
		}
	}
	if n := value(t, after, "middb_operation_duration_seconds", "operation=get", "protocol=middb"); n != 3 {
		t.Errorf("%v operations, want 3", n)
	}
	if n := value(t, after, "middb_requests_total", "protocol=middb"); n != 3 {
		t.Errorf("%v requests, want 3", n)
	}
	if n := value(t, after, "middb_requests_failed_total", "protocol=middb"); n != 2 {
		t.Errorf("%v failed requests, want 2", n)
	}
	for i, name := range []string{
		"connections_open", "sessions_open", "requests_in_flight",
		"session_transactions_open", "session_cursors_open", "unsent_bytes",
		"connections_accepted_total", "connections_refused_total", "authentication_failures_total",
		"received_bytes_total", "sent_bytes_total",
	} {
		if got := value(t, after, "middb_"+name, "protocol=middb"); got != float64(101+i) {
			t.Errorf("%s is %v, want %d", name, got, 101+i)
		}
	}
	for _, cause := range []string{"flush", "log", "compaction", "in_flight"} {
		value(t, after, "middb_write_stalls_total", "cause="+cause)
		value(t, after, "middb_write_stall_seconds_total", "cause="+cause)
	}
	value(t, after, "go_goroutines")
	value(t, after, "process_cpu_seconds_total")
}

// work does a little of everything.
func work(t *testing.T, db *engine.DB) {
	t.Helper()
	for round := range 2 {
		for i := range 500 {
			must(t, db.Put(fmt.Appendf(nil, "key %d", i), make([]byte, 100+round), engine.NoSync))
		}
		must(t, db.Put([]byte("end"), nil, engine.Sync))
		must(t, db.Flush(t.Context()))
	}
	must(t, db.Compact(t.Context(), nil, nil))
	for i := range 50 {
		for range 2 {
			_, err := db.Get(fmt.Appendf(nil, "key %d", i))
			must(t, err)
		}
		if _, err := db.Get(fmt.Appendf(nil, "key %d none", i)); !errors.Is(err, engine.ErrNotFound) {
			t.Fatal(err)
		}
	}
	first, err := db.Begin(engine.TxnOptions{})
	must(t, err)
	second, err := db.Begin(engine.TxnOptions{})
	must(t, err)
	must(t, first.Put([]byte("contended"), nil))
	must(t, second.Put([]byte("contended"), nil))
	must(t, first.Commit())
	if err := second.Commit(); !errors.Is(err, engine.ErrConflict) {
		t.Fatal(err)
	}
}

func TestBucketsHaveTheTimesOfTheHistogram(t *testing.T) {
	db, _ := open(t)
	s := &server{}
	for _, took := range []time.Duration{1, 1024, 1025, time.Millisecond, time.Hour} {
		s.latency.Record(int64(took))
	}
	h := scrape(t, New(db, Options{Servers: map[string]Source{"middb": s}}))["middb_operation_duration_seconds"].Metric[0].Histogram
	if h.GetSampleCount() != 5 || h.GetSampleSum() < 3600 || h.GetSampleSum() > 3601 {
		t.Fatalf("%d values of %v", h.GetSampleCount(), h.GetSampleSum())
	}
	for i, want := range map[int]uint64{0: 2, 1: 3, 9: 3, 10: 4, lastBound - firstOperationBound: 4} {
		if b := h.Bucket[i]; b.GetCumulativeCount() != want || b.GetUpperBound() != seconds(1<<(firstOperationBound+i)) {
			t.Errorf("bucket %d: %d up to %v", i, b.GetCumulativeCount(), b.GetUpperBound())
		}
	}
}

func TestActivitiesOfTwoProtocolsAddUp(t *testing.T) {
	s := &server{}
	s.latency.Record(5)
	a, one := s.Activity(), s.Activity()
	a.Add(one, "resp")
	sum, single := reflect.ValueOf(a), reflect.ValueOf(one)
	for i := range sum.NumField() {
		if f := sum.Field(i); f.CanInt() && f.Int() != 2*single.Field(i).Int() {
			t.Errorf("%s is %d, want twice %d", sum.Type().Field(i).Name, f.Int(), single.Field(i).Int())
		}
	}
	if o := a.Operations; len(o) != 4 || o[0].Name != "get" || o[2].Name != "resp get" || o[2].Errors != 2 || o[2].Latency.Count() != 1 {
		t.Errorf("operations: %+v", a.Operations)
	}
}

func TestReadyTellsWhyNot(t *testing.T) {
	db, fs := open(t)
	var reason error
	h := New(db, Options{Ready: func() error { return reason }})
	expect := func(path string, status int, words string) {
		t.Helper()
		if got, body := get(t, h, path); got != status || !strings.Contains(body, words) {
			t.Errorf("%s: %d %q, want %d and %q", path, got, body, status, words)
		}
	}
	expect("/readyz", http.StatusOK, "ready")
	reason = errors.New("shutting down")
	expect("/readyz", http.StatusServiceUnavailable, "not ready: shutting down")
	reason = nil
	expect("/readyz", http.StatusOK, "ready")
	fs.Inject(vfs.Rule{Ops: vfs.OpSyncData, Err: errors.New("the disk is on fire")})
	if err := db.Put([]byte("k"), nil, engine.Sync); err == nil {
		t.Fatal("a write survived a failed sync")
	}
	expect("/readyz", http.StatusServiceUnavailable, "the disk is on fire")
	expect("/livez", http.StatusOK, "alive")
	if value(t, scrape(t, h), "middb_read_only") != 1 {
		t.Error("middb_read_only is not 1")
	}
	expect("/", http.StatusOK, "/metrics")
	expect("/debug/pprof/", http.StatusNotFound, "")
}

func TestProfilesAreForThisMachineOnly(t *testing.T) {
	for _, address := range []string{
		":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "localhost.example.com:0",
	} {
		l, err := ListenLoopback(t.Context(), address)
		if !errors.Is(err, ErrNotLoopback) {
			if err == nil {
				must(t, l.Close())
			}
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := ListenLoopback(t.Context(), "127.0.0.1"); err == nil || errors.Is(err, ErrNotLoopback) {
		t.Errorf("an address without port: %v", err)
	}
}

func TestServeAnswersAndStops(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := ListenLoopback(t.Context(), address)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- Serve(ctx, l, Profiles()) }()
		for path, words := range map[string]string{
			"": "goroutine", "goroutine?debug=1": "TestServeAnswersAndStops", "cmdline": "monitor",
		} {
			if body := fetch(t, "http://"+l.Addr().String()+"/debug/pprof/"+path); !strings.Contains(body, words) {
				t.Errorf("%s: %.200q", path, body)
			}
		}
		cancel()
		must(t, <-ended)
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			must(t, c.Close())
			t.Error("it listens after its end")
		}
	}
}

func TestServeSaysThatItsListenerFailed(t *testing.T) {
	l, err := ListenLoopback(t.Context(), "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	if err := Serve(t.Context(), l, Profiles()); err == nil || !errors.Is(err, net.ErrClosed) {
		t.Fatalf("%v", err)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	body, err := io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, response.Status)
	}
	return string(body)
}
