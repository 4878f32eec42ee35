// Package server serves a database to clients that speak the protocol of package wire.
package server
