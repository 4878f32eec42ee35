package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/middb/middb/engine"
)

// follow watches the database from where the life before stopped watching, until it is closed or fails, and
// compares every change with the history: none is left out, and no crash takes back what was delivered.
func (l *life) follow() error {
	r := l.r
	feed, err := l.db.Watch(context.Background(), r.watched, nil)
	if errors.Is(err, engine.ErrFeedTruncated) {
		r.watched = 0
		feed, err = l.db.Watch(context.Background(), 0, nil)
	}
	if err != nil {
		return l.ended(err)
	}
	defer feed.Close()
	next := feed.Position()
	for {
		c, err := feed.Next()
		switch {
		case errors.Is(err, engine.ErrFeedTruncated):
			r.watched = 0
			return nil
		case err != nil:
			return l.ended(err)
		case l.d.dead:
			return nil // what the disk lost does not count, though it may have been delivered
		case c.Seq != next:
			return fmt.Errorf("a feed yields %d after %d", c.Seq, next-1)
		}
		if err := r.h.checkChange(c); err != nil {
			return err
		}
		next++
		r.watched = next
		r.result.Changes++
		r.h.observe(c.Seq)
		r.h.durable = max(r.h.durable, r.h.commitOf(c.Seq).last)
	}
}

// ended judges why a feed ended.
func (l *life) ended(err error) error {
	if l.d.dead || l.closing && errors.Is(err, engine.ErrClosed) {
		return nil
	}
	return fmt.Errorf("watch: %w", err)
}

// checkChange compares a change with the operation that has its sequence number.
func (h *history) checkChange(c engine.Change) error {
	if c.Seq > h.last() {
		return fmt.Errorf("a feed yields %d, but only %d was handed over", c.Seq, h.last())
	}
	of := h.commitOf(c.Seq)
	var writes []write
	for _, w := range of.writes {
		if of.first+w.op == c.Seq {
			writes = append(writes, w)
		}
	}
	if c.Kind == engine.ChangeDeleteRange {
		for _, w := range writes {
			k := h.keys[w.id]
			if !w.deleted || bytes.Compare(k, c.Key) < 0 || c.End != nil && bytes.Compare(k, c.End) >= 0 {
				return fmt.Errorf("a feed yields %d as the deletion of %q to %q, but it writes %s", c.Seq, c.Key, c.End, show(k))
			}
		}
		return nil
	}
	w := writes[0]
	kind := engine.ChangePut
	switch {
	case w.deleted:
		kind = engine.ChangeDelete
	case w.merge:
		kind = engine.ChangeMerge
	}
	var expires time.Time
	if w.expires != 0 {
		expires = time.Unix(0, w.expires)
	}
	if c.Kind != kind || !bytes.Equal(c.Key, h.keys[w.id]) || !c.Expires.Equal(expires) || kind == engine.ChangePut && !bytes.Equal(c.Value, w.value) {
		return fmt.Errorf("a feed yields %d as a %v of %s = %s until %v, but it is a %v of %s = %s until %v",
			c.Seq, c.Kind, show(c.Key), show(c.Value), c.Expires, kind, show(h.keys[w.id]), show(w.value), expires)
	}
	return nil
}
