// Package tlsconf makes the TLS configuration of a server from files, and again when they have changed,
// without a moment in which the server has none.
//
//	t, err := tlsconf.Load(tlsconf.Files{Cert: "server.crt", Key: "server.key"}, os.ReadFile)
//	conn := tls.Server(tcp, t.Config())
//	err = t.Reload() // on SIGHUP; after an error the old configuration stays
//
// It promises that a configuration is used whole or not at all: certificate, key and authorities of one
// reading that fit together. Connections that are open keep what they began with; sessions of TLS are not
// resumed across a reload that changed something, so that a client whose authority was taken away is asked
// for its certificate anew.
package tlsconf
