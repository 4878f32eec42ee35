package wire

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// TestWholePath plays one scenario over every kind of connection, against real processes, and once more after a
// restart for what must have stayed.
func TestWholePath(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	socket := filepath.Join(dir, "s")
	for _, c := range []struct {
		name, url string // ADDRESS stands for that of the port
		args      []string
	}{
		{"TCP", "middb://ADDRESS", nil},
		{"TCP, compressed", "middb://ADDRESS?compress=zlib", nil},
		{"TLS", "middb://ADDRESS?tls=verify-full&ca=" + cert, []string{"--tls-cert", cert, "--tls-key", key}},
		{"Unix socket", "unix://" + socket, []string{"--unix", socket}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, c.args...)
			db := openClient(t, strings.Replace(c.url, "ADDRESS", s.address, 1))
			scenario{t, db}.play()
			s.terminate()
			s.start()
			scenario{t, db}.afterwards()
			s.terminate()
		})
	}
}

func openClient(t *testing.T, url string) *client.Client {
	t.Helper()
	db, err := client.Open(t.Context(), url, client.Options{Attempts: 100})
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	return db
}

// certificate writes a certificate for this machine, signed by itself, and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "server"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	check(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	check(t, err)
	cert, key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	check(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return cert, key
}

// A scenario uses everything that a client has.
type scenario struct {
	*testing.T
	db *client.Client
}

// entries is more than fits into the frames that a cursor has credit for.
const entries = 5000

func entryKey(i int) string { return fmt.Sprintf("entry/%05d", i) }

func entryValue(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 200) }

func (s scenario) play() {
	s.singleKeys()
	s.manyKeys()
	s.transactions()
	s.feeds()
	s.keyspaces()
	s.administration()
}

// want checks the error of a call.
func (s scenario) want(err error, code wire.Code) {
	s.Helper()
	if !errors.Is(err, code) {
		s.Fatalf("%v, want %s", err, code.Name())
	}
}

// has checks the value of a key; "" is none.
func (s scenario) has(k, want string) {
	s.Helper()
	v, err := s.db.Get(s.Context(), []byte(k))
	if want == "" {
		s.want(err, wire.ErrNotFound)
		return
	}
	check(s, err)
	if string(v) != want {
		s.Fatalf("%s has %.50q, want %.50q", k, v, want)
	}
}

func (s scenario) singleKeys() {
	ctx, db := s.Context(), s.db
	k := []byte("k\x00\xff")
	s.has(string(k), "")
	check(s, db.Put(ctx, k, []byte("one"), client.NoSync))
	s.has(string(k), "one")
	v, seq, err := db.GetWithSeq(ctx, k)
	check(s, err)
	newer, err := db.PutIf(ctx, k, []byte("two"), seq)
	check(s, err)
	if string(v) != "one" || newer <= seq {
		s.Fatalf("%q with %d, then %d", v, seq, newer)
	}
	_, err = db.PutIf(ctx, k, []byte("three"), seq)
	s.want(err, wire.ErrSeqMismatch)
	_, err = db.PutIfAbsent(ctx, k, []byte("three"))
	s.want(err, wire.ErrExists)
	check(s, db.Delete(ctx, k))
	has, err := db.Has(ctx, k)
	check(s, err)
	if has {
		s.Fatal("a key is there that was deleted")
	}
	check(s, db.PutTTL(ctx, k, []byte("short"), time.Hour))
	_, expires, err := db.GetWithExpiry(ctx, k)
	check(s, err)
	if left := time.Until(expires); left < 59*time.Minute || left > 61*time.Minute {
		s.Fatalf("it expires in %v", left)
	}
	for range 3 {
		check(s, db.Merge(ctx, []byte("log"), "append", []byte("x")))
	}
	s.has("log", "xxx")
	large := bytes.Repeat([]byte("large"), 1<<20)
	check(s, db.Put(ctx, []byte("large"), large))
	s.has("large", string(large))
	s.want(db.Put(ctx, nil, []byte("v")), wire.ErrEmptyKey)
	s.want(db.Merge(ctx, k, "nonsense", k), wire.ErrMergeOperator)
}

func (s scenario) manyKeys() {
	ctx, db := s.Context(), s.db
	var all client.Batch
	for i := range entries {
		check(s, all.Put([]byte(entryKey(i)), entryValue(i)))
	}
	check(s, all.DeleteRange([]byte(entryKey(1000)), []byte(entryKey(2000))))
	check(s, all.Delete([]byte(entryKey(0))))
	check(s, db.Apply(ctx, &all, client.Sync))
	r := client.Range{Prefix: []byte("entry/")}
	n, err := db.Count(ctx, r)
	check(s, err)
	if n != entries-1001 {
		s.Fatalf("there are %d entries", n)
	}
	s.scan(client.ScanOptions{Range: r}, 1, 1000, 2000, entries)
	s.scan(client.ScanOptions{Range: r, Reverse: true, KeysOnly: true, Limit: 3}, entries-3, entries)
	s.scan(client.ScanOptions{Range: client.Range{Lower: []byte(entryKey(998)), Upper: []byte(entryKey(2001))}}, 998, 1000, 2000, 2001)
	values, err := db.MGet(ctx, []byte(entryKey(5)), []byte("nothing"), []byte(entryKey(4)))
	check(s, err)
	if !bytes.Equal(values[0], entryValue(5)) || values[1] != nil || !bytes.Equal(values[2], entryValue(4)) {
		s.Fatalf("MGet returns %.20q", values)
	}
	p := db.Pipeline()
	put, get, missing := p.Put([]byte("p"), []byte("q")), p.Get([]byte("p")), p.Get([]byte("nothing"))
	check(s, p.Run(ctx))
	v, err := get.Value()
	_, none := missing.Value()
	if check(s, errors.Join(put.Err(), err)); string(v) != "q" || !errors.Is(none, wire.ErrNotFound) {
		s.Fatalf("the pipeline read %q and %v", v, none)
	}
}

// scan checks that a scan yields the entries of pairs [from, to), in order or in reverse.
func (s scenario) scan(o client.ScanOptions, bounds ...int) {
	s.Helper()
	var want []int
	for ; len(bounds) > 0; bounds = bounds[2:] {
		for i := bounds[0]; i < bounds[1]; i++ {
			want = append(want, i)
		}
	}
	rows, err := s.db.Scan(s.Context(), o)
	check(s, err)
	defer rows.Close()
	n := 0
	for k, v := range rows.All() {
		i := want[min(n, len(want)-1)]
		if o.Reverse {
			i = want[max(len(want)-1-n, 0)]
		}
		if n == len(want) || string(k) != entryKey(i) || !o.KeysOnly && !bytes.Equal(v, entryValue(i)) {
			s.Fatalf("entry %d of the scan is %s", n, k)
		}
		n++
	}
	if check(s, rows.Err()); n != len(want) {
		s.Fatalf("the scan yields %d entries, want %d", n, len(want))
	}
}

func (s scenario) transactions() {
	ctx, db := s.Context(), s.db
	first, err := db.Begin(ctx, client.TxnOptions{Isolation: client.Serializable})
	check(s, err)
	second, err := db.Begin(ctx, client.TxnOptions{})
	check(s, err)
	check(s, first.Put(ctx, []byte("t"), []byte("first")))
	mark, err := first.Savepoint(ctx)
	check(s, err)
	check(s, first.Put(ctx, []byte("u"), []byte("first")))
	check(s, first.RollbackTo(ctx, mark))
	s.has("t", "") // it is not committed
	check(s, second.Put(ctx, []byte("t"), []byte("second")))
	check(s, first.Commit(ctx))
	err = second.Commit(ctx)
	s.want(err, wire.ErrConflict)
	var conflict *wire.Error
	if !errors.As(err, &conflict) || string(conflict.Key) != "t" || !conflict.Retry {
		s.Fatalf("the conflict is %+v", conflict)
	}
	s.want(second.Put(ctx, []byte("t"), nil), wire.ErrTxnDone)
	s.has("t", "first")
	s.has("u", "")
	check(s, db.View(ctx, func(t *client.Txn) error {
		check(s, db.Put(ctx, []byte("later"), []byte("1")))
		_, err := t.Get(ctx, []byte("later"))
		s.want(err, wire.ErrNotFound)
		s.want(t.Put(ctx, []byte("later"), nil), wire.ErrTxnReadOnly)
		return nil
	}))
}

func (s scenario) feeds() {
	ctx, db := s.Context(), s.db
	feed, err := db.Watch(ctx, 0, []byte("f/"))
	check(s, err)
	check(s, db.Put(ctx, []byte("not this"), nil))
	check(s, db.Put(ctx, []byte("f/1"), []byte("a"), client.NoSync))
	check(s, db.Merge(ctx, []byte("f/2"), "append", []byte("b")))
	check(s, db.Delete(ctx, []byte("f/1")))
	check(s, db.DeleteRange(ctx, []byte("f/"), []byte("f0")))
	feed.Drain()
	var got []string
	for c, err := range feed.All() {
		check(s, err)
		got = append(got, fmt.Sprintf("%d %s %s %s", c.Kind, c.Key, c.Value, c.End))
	}
	if want := "1 f/1 a |4 f/2 b |2 f/1  |3 f/  f0"; strings.Join(got, "|") != want {
		s.Fatalf("the feed has %q, want %q", strings.Join(got, "|"), want)
	}
	if _, err = feed.Next(); !errors.Is(err, io.EOF) {
		s.Fatalf("after its end: %v", err)
	}
	check(s, feed.Close())
}

func (s scenario) keyspaces() {
	ctx, db := s.Context(), s.db
	_, err := db.Keyspace(ctx, "users", client.KeyspaceOptions{MustExist: true})
	s.want(err, wire.ErrKeyspaceMissing)
	users, err := db.Keyspace(ctx, "users", client.KeyspaceOptions{})
	check(s, err)
	gone, err := db.Keyspace(ctx, "gone", client.KeyspaceOptions{})
	check(s, err)
	check(s, errors.Join(users.Put(ctx, []byte("ada"), []byte("1")), gone.Put(ctx, []byte("x"), nil)))
	s.has("ada", "")
	check(s, db.Update(ctx, func(t *client.Txn) error {
		return errors.Join(t.Put(ctx, []byte("both"), []byte("1")), t.In(users).Put(ctx, []byte("both"), []byte("2")))
	}))
	check(s, db.DropKeyspace(ctx, "gone"))
	_, err = gone.Get(ctx, []byte("x"))
	s.want(err, wire.ErrKeyspaceMissing)
	names, err := db.Keyspaces(ctx)
	check(s, err)
	if strings.Join(names, " ") != "default users" {
		s.Fatalf("the keyspaces are %q", names)
	}
}

func (s scenario) administration() {
	ctx, db := s.Context(), s.db
	check(s, errors.Join(db.Flush(ctx), db.Compact(ctx, nil, nil)))
	_, err := db.Ping(ctx)
	check(s, err)
	stats, err := db.Stats(ctx)
	check(s, err)
	info, err := db.Info(ctx)
	check(s, err)
	sessions, err := db.Sessions(ctx)
	check(s, err)
	if stats.Engine.LastSeq < entries || len(stats.Operations) == 0 || info.Server != "middb" || info.PID == 0 || len(sessions) == 0 {
		s.Fatalf("statistics %+v, information %+v, sessions %+v", stats, info, sessions)
	}
	if left := stats.Server; left.Txns != 0 || left.Cursors != 0 || stats.Engine.Txns != 0 {
		s.Fatalf("%d transactions (%d of the engine) and %d cursors are left", left.Txns, stats.Engine.Txns, left.Cursors)
	}
	// A session that is killed takes its requests with it; the client makes another one.
	killed, err := db.Kill(ctx, info.Session)
	if err == nil && !killed {
		s.Fatal("the session that was asked was not there")
	}
	_, err = db.Ping(ctx)
	check(s, err)
}

// afterwards checks what the scenario has left, over the same client, through a restart of the server.
func (s scenario) afterwards() {
	s.has("k\x00\xff", "short")
	s.has("log", "xxx")
	s.has("t", "first")
	s.has("f/1", "")
	s.has("both", "1")
	s.scan(client.ScanOptions{Range: client.Range{Prefix: []byte("entry/")}}, 1, 1000, 2000, entries)
	users, err := s.db.Keyspace(s.Context(), "users", client.KeyspaceOptions{MustExist: true})
	check(s, err)
	v, err := users.Get(context.WithoutCancel(s.Context()), []byte("both"))
	if check(s, err); string(v) != "2" {
		s.Fatalf("the key of the other keyspace has %q", v)
	}
}
