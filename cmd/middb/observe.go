package main

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/middb/middb/wire/server/monitor"
)

// monitored returns what serves a handler of package monitor on a listener, until the service is over.
func (s *service) monitored(h http.Handler) func(net.Listener) error {
	return func(l net.Listener) error { return monitor.Serve(s.over, l, h) }
}

// monitor returns the handler of /livez, /readyz and /metrics.
func (s *service) monitor() http.Handler {
	servers := map[string]monitor.Source{"middb": s.server}
	if s.resp != nil {
		servers["resp"] = s.resp
	}
	return monitor.New(s.db, monitor.Options{Servers: servers, Ready: s.isReady, Version: version(), Logger: s.logger})
}

var errStopping = errors.New("the server is stopping")

// isReady returns why clients are not served, or nil.
func (s *service) isReady() error {
	if s.stopping.Load() {
		return errStopping
	}
	return nil
}

func listenLoopback(address string) (net.Listener, error) {
	return monitor.ListenLoopback(context.Background(), address)
}
