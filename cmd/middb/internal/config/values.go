package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// A value is what a setting sets. Set's errors say what is expected.
type value interface {
	pflag.Value
	// Scalar returns the value as a file has it: a string, an int64 or a bool.
	Scalar() any
}

// A text is any string that check, unless it is nil, has nothing against.
type text struct {
	to    *string
	kind  string
	check func(string) error
}

func (v text) Set(s string) error {
	if v.check != nil {
		if err := v.check(s); err != nil {
			return err
		}
	}
	*v.to = s
	return nil
}

func (v text) String() string { return *v.to }
func (v text) Type() string   { return v.kind }
func (v text) Scalar() any    { return *v.to }

// off is how an address that is not used is written.
const off = "off"

// checkAddress wants HOST:PORT or off.
func checkAddress(s string) error {
	if s == off {
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:7878 or [::1]:7878, nor off", s)
	}
	return nil
}

// A boolean is true or false.
type boolean struct{ to *bool }

func (v boolean) Set(s string) error {
	switch s {
	case "true":
		*v.to = true
	case "false":
		*v.to = false
	default:
		return fmt.Errorf("%q is not true or false", s)
	}
	return nil
}

func (v boolean) String() string { return strconv.FormatBool(*v.to) }
func (v boolean) Type() string   { return "bool" }
func (v boolean) Scalar() any    { return *v.to }

// A count is a whole number within bounds.
type count struct {
	to         *int
	least, max int
}

func (v count) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < int64(v.least) || n > int64(v.max) {
		return fmt.Errorf("%q is not a number from %d to %d", s, v.least, v.max)
	}
	*v.to = int(n)
	return nil
}

func (v count) String() string { return strconv.Itoa(*v.to) }
func (v count) Type() string   { return "count" }
func (v count) Scalar() any    { return int64(*v.to) }

// A size is a number of bytes within bounds.
type size struct {
	to         *int64
	least, max int64
}

var units = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func (v size) Set(s string) error {
	n, err := parseSize(s)
	if err != nil {
		return err
	}
	if n < v.least || n > v.max {
		return fmt.Errorf("%s is out of range; it is a size from %s to %s", s, formatSize(v.least), formatSize(v.max))
	}
	*v.to = n
	return nil
}

func parseSize(s string) (int64, error) {
	expected := fmt.Errorf("%q is not a size such as 65536, 512KiB, 64MiB or 2GiB", s)
	number, unit := s, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = strings.TrimRight(rest, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/unit {
		return 0, expected
	}
	return int64(n) * unit, nil
}

func formatSize(n int64) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func (v size) String() string { return formatSize(*v.to) }
func (v size) Type() string   { return "size" }
func (v size) Scalar() any {
	if s := v.String(); s != strconv.FormatInt(*v.to, 10) {
		return s
	}
	return *v.to
}

// A duration is a length of time of at least least; if that is 0, 0 stands for none.
type duration struct {
	to    *time.Duration
	least time.Duration
}

func (v duration) Set(s string) error {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a time such as 500ms, 30s, 10m or 1h30m", s)
	case d < v.least && v.least == 0:
		return fmt.Errorf("%v is negative; it is a time such as 30s, or 0s for none", d)
	case d < v.least:
		return fmt.Errorf("%v is too short; it is a time of %v or more", d, v.least)
	}
	*v.to = d
	return nil
}

func (v duration) String() string { return formatDuration(*v.to) }
func (v duration) Type() string   { return "duration" }
func (v duration) Scalar() any    { return v.String() }

// formatDuration leaves out the zeros that a Duration's own text ends with.
func formatDuration(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// A choice is one of a few words, each with what it stands for.
type choice[T comparable] struct {
	to   *T
	of   []string
	have []T
}

func (v choice[T]) Set(s string) error {
	i := slices.Index(v.of, s)
	if i < 0 {
		return fmt.Errorf("%q is not %s", s, strings.Join(v.of, ", "))
	}
	*v.to = v.have[i]
	return nil
}

func (v choice[T]) String() string {
	if i := slices.Index(v.have, *v.to); i >= 0 {
		return v.of[i]
	}
	return ""
}

func (v choice[T]) Type() string { return strings.Join(v.of, "|") }
func (v choice[T]) Scalar() any  { return v.String() }

// A kind is what a file can write a value as.
type kind uint8

const (
	kindString kind = iota + 1
	kindInteger
	kindBool
	kindFraction
	kindOther // dates, lists, tables, nothing
)

var kindNames = [...]string{
	kindString: "a string", kindInteger: "a number", kindBool: "a truth value", kindFraction: "a number with a fraction",
	kindOther: "neither string, number nor truth value",
}

// takes returns an error if a file writes a value as something that it is not.
func takes(v value, k kind) error {
	var ok bool
	var want string
	switch v.(type) {
	case boolean:
		ok, want = k == kindBool, "true or false"
	case count:
		ok, want = k == kindInteger, "a whole number, without quotes"
	case size:
		ok, want = k == kindInteger || k == kindString, `a size such as "64MiB"`
	case duration:
		ok, want = k == kindString, `a string with a time such as "30s"`
	default:
		ok, want = k == kindString, "a string, in quotes"
	}
	if !ok {
		return fmt.Errorf("it is %s; it should be %s", kindNames[k], want)
	}
	return nil
}

var errNoFile = errors.New("a file of settings ends with .toml, .yaml or .yml")
