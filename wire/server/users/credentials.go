package users

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"

	"github.com/middb/middb/wire"
)

// Sizes and bounds of credentials.
const (
	iterations    = 32768
	minIterations = 4096      // what RFC 7677 demands
	maxIterations = 1_000_000 // what clients put up with
	saltBytes     = 16
	secretBytes   = 32

	maxNameBytes     = 128
	maxPasswordBytes = 1024
)

// credentials are what a server keeps to check a password (RFC 5802, section 3). They let nobody log in, but
// a password can be guessed from them, at the cost of the iterations for each guess.
type credentials struct {
	Iterations int    `json:"iterations"`
	Salt       []byte `json:"salt"`
	StoredKey  []byte `json:"stored_key"`
	ServerKey  []byte `json:"server_key"`
}

// derive returns the credentials for a prepared password.
func derive(password string, salt []byte, iterations int) (credentials, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return credentials{}, err
	}
	storedKey := sha256.Sum256(mac(salted, "Client Key"))
	return credentials{iterations, salt, storedKey[:], mac(salted, "Server Key")}, nil
}

// decoy returns the credentials of a user who does not exist. They are always the same for a name, like true
// ones, and no password has them.
func decoy(secret []byte, name string, iterations int) credentials {
	return credentials{
		Iterations: iterations,
		Salt:       mac(secret, "salt", name)[:saltBytes],
		StoredKey:  mac(secret, "stored key", name),
		ServerKey:  mac(secret, "server key", name),
	}
}

// match reports, in a time that does not depend on the answer, whether a prepared password is the one.
func (c credentials) match(password string) (bool, error) {
	got, err := derive(password, c.Salt, c.Iterations)
	return err == nil && subtle.ConstantTimeCompare(got.StoredKey, c.StoredKey) == 1, err
}

// check returns what is wrong with credentials that were read.
func (c credentials) check() error {
	switch {
	case c.Iterations < minIterations || c.Iterations > maxIterations:
		return errors.New("the number of iterations is out of range")
	case len(c.Salt) < 8 || len(c.StoredKey) != sha256.Size || len(c.ServerKey) != sha256.Size:
		return errors.New("a salt or key has the wrong length")
	default:
		return nil
	}
}

// stored returns the credentials as package scram wants them.
func (c credentials) stored() scram.StoredCredentials {
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(c.Salt), Iters: c.Iterations},
		StoredKey:  c.StoredKey,
		ServerKey:  c.ServerKey,
	}
}

func mac(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// prepareName returns a user's name as it is stored.
func prepareName(name string) (string, error) {
	out, err := prepare("name", name, maxNameBytes)
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(out) != out {
		return "", wire.Errorf(wire.ErrUserName, "the name %q of a user begins or ends with a blank", name)
	}
	return out, nil
}

// preparePassword returns a password as it is hashed.
func preparePassword(password string) (string, error) {
	return prepare("password", password, maxPasswordBytes)
}

// prepare applies SASLprep to a name or password. Its errors do not show what it was given.
func prepare(what, text string, maxBytes int) (string, error) {
	// What is prepared may be longer than what was given, but hardly ever by a factor of 18 (U+FDFA).
	if len(text) > 18*maxBytes || !utf8.ValidString(text) {
		return "", wire.Errorf(wire.ErrUserName, "the %s of a user is not UTF-8 text of 1 to %d bytes", what, maxBytes)
	}
	out, err := stringprep.SASLprep.Prepare(text)
	if err != nil {
		e := wire.Errorf(wire.ErrUserName, "the %s of a user has a character that cannot be used: %s", what, reason(err))
		e.Hint = "letters, digits, punctuation and blanks can be used; no control characters and no emoji"
		return "", e
	}
	if out == "" || len(out) > maxBytes {
		return "", wire.Errorf(wire.ErrUserName, "the %s of a user has %d bytes; it has 1 to %d", what, len(out), maxBytes)
	}
	return out, nil
}

// reason returns why SASLprep refused a text, without the character that it names.
func reason(err error) string {
	var refused stringprep.Error
	if errors.As(err, &refused) {
		return refused.Msg
	}
	return "SASLprep refuses it"
}
