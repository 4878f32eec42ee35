package client

import (
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

// FuzzServer holds that whatever a server says after the login, every call comes to an end, and so does the client.
func FuzzServer(f *testing.F) {
	frame := func(t wire.Type, flags wire.Flags, id uint32, body appender) []byte {
		return wire.EndFrame(body.Append(wire.BeginFrame(nil, t, flags, id)), 0)
	}
	f.Add([]byte("noise"))
	f.Add(frame(wire.TypeOK, 0, 17, value("v")))
	f.Add(append(frame(wire.TypeRows, wire.More, 18, rows("a", "b")), frame(wire.TypeEnd, 0, 18, end(1))...))
	f.Add(append(frame(wire.TypeOK, wire.More, 19, wire.ID(5)), frame(wire.TypeEvent, wire.More, 19, &wire.Event{Position: 9})...))
	f.Add(frame(wire.TypeOK, 0, 20, &wire.BeginReply{Txn: 1}))
	f.Add(frame(wire.TypeError, 0, 17, wire.Errorf(wire.ErrShuttingDown, "bye")))
	f.Add(frame(wire.TypeNotice, 0, 0, &wire.Notice{Kind: wire.NoticeShutdown}))
	f.Fuzz(func(t *testing.T, says []byte) {
		bubble(t, func(t *testing.T, f *fake) {
			f.serve("a:7878", func(p *peer) {
				p.hello()
				p.f.work.Go(func() {
					for p.next().Type != 0 {
					}
				})
				time.Sleep(time.Millisecond)
				p.nc.Write(says)
				time.Sleep(time.Minute)
			})
			c := f.open(urlA, Options{Attempts: 2, Timeout: time.Second})
			ctx := t.Context()
			done := make(chan struct{})
			go func() {
				defer close(done)
				if rows, err := c.Scan(ctx, ScanOptions{}); err == nil {
					for range rows.All() {
					}
					rows.Close()
				}
				if feed, err := c.Watch(ctx, 0, nil); err == nil {
					feed.Drain()
					feed.Close()
					feed.Next()
				}
			}()
			c.Get(ctx, []byte("k"))
			c.Update(ctx, func(*Txn) error { return nil })
			c.Stats(ctx)
			<-done
			c.Close()
		})
	})
}
