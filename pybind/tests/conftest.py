"""Fixtures: the real server, over TCP, TLS and a Unix socket."""
