package resp

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/middb/middb/engine"
)

// defaultUser is who logs in with a password alone, and everybody where there are no users.
const defaultUser = "default"

// redisVersion is the version of Redis whose commands, as far as they are here, behave like these: clients decide by it
// what they may send.
const redisVersion = "7.0.15"

// nobody may do everything, where nobody has to log in.
type nobody struct{}

func (nobody) Name() string           { return defaultUser }
func (nobody) May(Role, string) error { return nil }

// noPermission is the error for a command that the user may not run.
func noPermission(name string, why error) error {
	return replyError("NOPERM this user has no permissions to run the '" + name + "' command: " + why.Error())
}

// setIdentity makes the connection act for somebody.
func (c *conn) setIdentity(id Identity) {
	c.identity = id
	if c.in.stranger {
		c.in.stranger = false
		_ = c.nc.SetReadDeadline(time.Time{}) // a failure is found by the next read
	}
	c.mu.Lock()
	c.user = id.Name()
	c.mu.Unlock()
	c.use(c.db, c.ks)
}

// refresh takes note of what became of the users. Who is not one any more is a stranger again. What a user queued who
// may do other things now is not executed.
func (c *conn) refresh() {
	a := c.front.options.Authenticator
	if a == nil || c.identity == nil {
		return
	}
	now := a.Generation()
	if now == c.users {
		return
	}
	c.users = now
	id, err := a.Refresh(c.identity)
	if id == c.identity && err == nil {
		return
	}
	if c.multi != nil {
		c.multi.broken = true
	}
	if err != nil {
		c.front.options.Logger.Warn("a RESP connection has to log in anew", "remote", c.nc.RemoteAddr().String(), "cause", err)
		c.identity = nil
		return
	}
	c.setIdentity(id)
}

// use has the connection work with a database.
func (c *conn) use(db int, ks *engine.Keyspace) {
	c.db, c.ks = db, ks
	clear(c.may[:])
	if c.identity != nil {
		for r := Read; r <= Admin; r++ {
			if err := c.identity.May(r, ks.Name()); err != nil {
				c.may[r] = err
			}
		}
	}
	c.mu.Lock()
	c.shownDB = db
	c.mu.Unlock()
}

// allowed returns nil if the user may run a command.
func (c *conn) allowed(cmd *command) error {
	if err := c.may[cmd.role]; err != nil {
		return noPermission(cmd.name, err)
	}
	return nil
}

func (c *conn) selectDB(n int) error {
	ks, err := c.front.database(n)
	if err == nil {
		c.use(n, ks)
	}
	return err
}

func cmdSelect(c *conn, args [][]byte) error {
	n, ok := parseInt(args[1])
	switch {
	case !ok:
		return errNotInteger
	case n < 0 || n >= int64(c.front.options.Databases):
		return errDBRange
	}
	if err := c.mayOpen(int(n)); err != nil {
		return noPermission("select", err)
	}
	if err := c.selectDB(int(n)); err != nil {
		return err
	}
	c.out.ok()
	return nil
}

// mayOpen returns nil if the user may read database n, and make it if it is not there.
func (c *conn) mayOpen(n int) error {
	_, err := c.front.openDatabase(n, engine.KeyspaceOptions{MustExist: true})
	role := Read
	if errors.Is(err, engine.ErrKeyspaceMissing) {
		role = Write
	}
	return c.identity.May(role, c.front.keyspaceName(n))
}

func cmdPing(c *conn, args [][]byte) error {
	switch len(args) {
	case 1:
		c.out.simple("PONG")
		return nil
	case 2:
		return c.bulk(args[1])
	}
	return wrongArity("ping")
}

func cmdEcho(c *conn, args [][]byte) error { return c.bulk(args[1]) }

func cmdQuit(c *conn, _ [][]byte) error {
	c.out.ok()
	c.quit = true
	return nil
}

func cmdTime(c *conn, _ [][]byte) error {
	now := c.now()
	c.out.array(2)
	c.out.bulkString(strconv.FormatInt(now.Unix(), 10))
	c.out.bulkString(strconv.Itoa(now.Nanosecond() / 1000))
	return nil
}

// cmdReset makes the connection as it was at the beginning.
func cmdReset(c *conn, _ [][]byte) error {
	c.multi = nil
	c.unwatch()
	c.setVersion(2)
	c.setName("")
	c.identity = nil
	if err := c.selectDB(0); err != nil {
		return err
	}
	if err := c.begin(); err != nil {
		return err
	}
	c.out.simple("RESET")
	return nil
}

func (c *conn) setVersion(v int64) {
	c.out.v3 = v == 3
	c.mu.Lock()
	c.v3 = c.out.v3
	c.mu.Unlock()
}

func (c *conn) setName(name string) {
	c.mu.Lock()
	c.name = name
	c.mu.Unlock()
}

func cmdAuth(c *conn, args [][]byte) error {
	user, password := []byte(defaultUser), args[1]
	switch {
	case len(args) == 3:
		user, password = args[1], args[2]
	case len(args) > 3:
		return errSyntax
	case c.front.open():
		return errNoPassword
	}
	if err := c.login(user, password); err != nil {
		return err
	}
	c.out.ok()
	return nil
}

// open reports whether nobody has to log in.
func (f *Front) open() bool {
	a := f.options.Authenticator
	return a == nil || a.Open()
}

// login makes the connection act for a user. Without users there is one, who needs no password.
func (c *conn) login(user, password []byte) error {
	a := c.front.options.Authenticator
	if a == nil {
		if string(user) != defaultUser {
			return errWrongPass
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.front.options.Limits.LoginTimeout)
	defer cancel()
	c.users = a.Generation() // before who it is, so that no change is missed
	id, err := a.Authenticate(ctx, c.nc.RemoteAddr(), string(user), string(password))
	if err != nil {
		c.front.options.Logger.Warn("RESP login refused", "remote", c.nc.RemoteAddr().String(), "user", clip(user, shownName), "cause", err)
		if ctx.Err() != nil {
			return errLoginWaited // nobody has looked at the password
		}
		return errWrongPass
	}
	c.setIdentity(id)
	return nil
}

// hello is the arguments of HELLO.
type hello struct {
	version        int64 // 0: as it is
	user, password []byte
	login, named   bool
	name           []byte
}

func parseHello(args [][]byte) (h hello, err error) {
	if len(args) == 1 {
		return h, nil
	}
	var ok bool
	if h.version, ok = parseInt(args[1]); !ok {
		return h, replyError("ERR Protocol version is not an integer or out of range")
	}
	if h.version < 2 || h.version > 3 {
		return h, errNoProto
	}
	for i := 2; i < len(args); {
		switch {
		case is(args[i], "auth") && i+2 < len(args):
			h.login, h.user, h.password = true, args[i+1], args[i+2]
			i += 3
		case is(args[i], "setname") && i+1 < len(args):
			h.named, h.name = true, args[i+1]
			if err := checkName(h.name); err != nil {
				return h, err
			}
			i += 2
		default:
			return h, replyError("ERR Syntax error in HELLO option '" + clip(args[i], shownName) + "'")
		}
	}
	return h, nil
}

func cmdHello(c *conn, args [][]byte) error {
	h, err := parseHello(args)
	if err != nil {
		return err
	}
	if h.login {
		if err := c.login(h.user, h.password); err != nil {
			return err
		}
	}
	if c.identity == nil {
		return replyError("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	}
	if h.named {
		c.setName(string(h.name))
	}
	if h.version != 0 {
		c.setVersion(h.version)
	}
	c.out.mapping(7)
	c.out.bulkString("server")
	c.out.bulkString("redis") // clients look for it
	c.out.bulkString("version")
	c.out.bulkString(redisVersion)
	c.out.bulkString("proto")
	if c.out.v3 {
		c.out.int(3)
	} else {
		c.out.int(2)
	}
	c.out.bulkString("id")
	c.out.int(c.id)
	c.out.bulkString("mode")
	c.out.bulkString("standalone")
	c.out.bulkString("role")
	c.out.bulkString("master")
	c.out.bulkString("modules")
	c.out.array(0)
	return nil
}
