// Package users says who may log in to a server and what they may do: users with SCRAM-SHA-256
// credentials and roles, kept in the database that the server serves.
//
//	st, err := users.Open(db)
//	err = st.Add(ctx, "ada", "secret", []users.Grant{{Keyspace: users.All, Role: users.Admin}})
//	...
//	c := st.Conversation(users.Origin(conn.RemoteAddr())) // SCRAM, step by step
//	id, err := st.Authenticate(ctx, from, "ada", "secret") // or a plain password, inside TLS
//	err = id.May(users.Write, "orders")
//
// It promises:
//
//   - A password is never stored, and never in an error.
//   - A change is one serializable transaction, on disk when the call returns: two admins who change
//     users at the same time lose nothing, and never take the last admin away together.
//   - Whether a user exists shows neither in an answer nor in the time that it takes. Somebody unknown gets a
//     salt too, always the same one, made from the name and a secret of the database.
//   - Who fails to log in is slowed down; see below.
//
// A change holds at once for everybody who asks the Store. A session keeps the Identity that it got; when
// Generation has moved it asks Refresh for the current one.
//
// There is one Store for a database. It alone writes to the keyspace "middb.users": Identity.May refuses
// everybody else.
//
// # Logins that fail
//
// Of one user and one origin ten logins may fail at once, and one more every three seconds: 28,800 in a
// day, which finds no password that is worth the name. Further ones are refused without looking at the
// password. Logins that succeed cost nothing of this. An origin is an IPv4 address, an IPv6 network of 64
// bits, or all Unix sockets, so that nobody can lock out a user who comes from elsewhere. The last 4,096
// pairs of user and origin are remembered, known or unknown ones, in 0.5 MiB at most.
//
// # Names and passwords
//
// Both are prepared with SASLprep (RFC 4013), as SCRAM wants it: compatibility forms become one, control
// characters and code points that Unicode 3.2 did not have are refused. A name has 1 to 128 bytes then, and
// a password 1 to 1,024.
//
// # Format
//
// Keyspace "middb.users" is made with the first user. Values are JSON objects; a field that is not listed
// here makes a reader refuse the record, so whoever adds one counts the version up.
//
//	key        value
//	meta       {"version": 1, "secret": SECRET}
//	user/NAME  {"version": 1, "id": ID, "grants": [{"keyspace": NAME, "role": ROLE}...],
//	            "scram-sha-256": {"iterations": N, "salt": SALT, "stored_key": KEY, "server_key": KEY}}
//
// SECRET is 32 random bytes, ID 8 that are drawn when a user is added, SALT 16; StoredKey and ServerKey have
// 32 bytes and are what RFC 5802 calls so. All are in base64 (RFC 4648, with padding). NAME of a keyspace is
// "*" for all of them; a keyspace is named once, and grants are ordered by it. ROLE is read, write or admin.
// N is 4,096 to 1,000,000; new passwords get 32,768 (docs/decisions/0018 says why).
//
// The record of a user "user" with the password "pencil", salt and iterations of the example in RFC 7677,
// who may read everything, in one line:
//
//	{"version":1,"id":"AQIDBAUGBwg=","grants":[{"keyspace":"*","role":"read"}],
//	"scram-sha-256":{"iterations":4096,"salt":"W22ZaJ0SNY7soEsUEjb6gQ==",
//	"stored_key":"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
//	"server_key":"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="}}
package users
