package session

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// settings are those of a session. They are copied when a transaction begins.
type settings struct {
	planner      plannerSettings
	batchRows    int
	memory       int64
	timeout      time.Duration
	readOnly     bool // of transactions to come
	serializable bool // of transactions to come
	// other settings are kept for who asks for them, and do nothing. It is not changed but replaced.
	other map[string]string
}

// plannerSettings are those that plans depend on.
type plannerSettings struct {
	join, aggregate      uint8 // places in joins and aggregates
	noIndexes, noUnnest  bool
	noRewrite, noReorder bool
}

// The words of settings, in the order of the numbers that opt has.
var (
	joins      = []string{"any", "hash", "merge", "loop", "index"}
	aggregates = []string{"any", "hash", "sort"}
)

func defaultSettings() settings { return settings{} }

// errTimeout is why the context of a statement ends that has taken too long.
var errTimeout = errors.New("the statement has timed out")

// A setting is one that SET and SHOW know.
type setting struct {
	name string
	get  func(*Session) string
	// set takes the words of SET, in lower case and put together; nil: it cannot be set.
	set  func(s *Session, value string) error
	what string // for SHOW ALL
}

var errValue = errors.New("the value is none of the setting")

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func parseBool(v string) (bool, error) {
	switch v {
	case "on", "true", "yes", "1", "t", "y":
		return true, nil
	case "off", "false", "no", "0", "f", "n":
		return false, nil
	}
	return false, errValue
}

// boolean is a setting that is on or off; at returns where it is kept, and which value means on.
func boolean(name, what string, at func(*settings) *bool, on bool) setting {
	return setting{name, func(s *Session) string { return onOff(*at(&s.settings) == on) }, func(s *Session, value string) error {
		b, err := parseBool(value)
		if err == nil {
			*at(&s.settings) = b == on
		}
		return err
	}, what}
}

// choice is a setting that is one of several words.
func choice(name, what string, words []string, at func(*settings) *uint8) setting {
	return setting{name, func(s *Session) string { return words[*at(&s.settings)] }, func(s *Session, value string) error {
		i := slices.Index(words, value)
		if i < 0 {
			return errValue
		}
		*at(&s.settings) = uint8(i)
		return nil
	}, what + ": " + strings.Join(words, ", ")}
}

// fixed is a setting that takes only some values, which all mean the same.
func fixed(name, value, what string, also ...string) setting {
	return setting{name, func(*Session) string { return value }, func(_ *Session, v string) error {
		if v == strings.ToLower(value) || slices.Contains(also, v) {
			return nil
		}
		return errValue
	}, what}
}

// kept is a setting that is remembered and does nothing.
func kept(name, value, what string) setting {
	return setting{name, func(s *Session) string {
		if v, ok := s.settings.other[name]; ok {
			return v
		}
		return value
	}, func(s *Session, v string) error {
		next := make(map[string]string, len(s.settings.other)+1)
		for k, v := range s.settings.other {
			next[k] = v
		}
		next[name] = v
		s.settings.other = next
		return nil
	}, what}
}

// shown is a setting that cannot be set.
func shown(name, value, what string) setting {
	return setting{name, func(*Session) string { return value }, nil, what}
}

// known are the settings, by name. They are made once, as they refer to each other.
var known = []setting{
	kept("application_name", "", "what the program calls itself"),
	fixed("bytea_output", "hex", "how BYTEA is written"),
	fixed("client_encoding", "UTF8", "the encoding of texts", "utf-8", "unicode"),
	kept("client_min_messages", "notice", "which notices are shown"),
	fixed("datestyle", "ISO, YMD", "how dates are written", "iso", "iso, mdy", "iso, dmy"),
	{"default_transaction_isolation", func(s *Session) string { return isolation(s.settings.serializable) }, func(s *Session, v string) error {
		return setIsolation(&s.settings.serializable, v)
	}, "the isolation of transactions to come"},
	boolean("default_transaction_read_only", "transactions to come only read", func(s *settings) *bool { return &s.readOnly }, true),
	kept("extra_float_digits", "1", "how numbers are written: always exactly"),
	kept("idle_in_transaction_session_timeout", "0", "has no effect"),
	fixed("intervalstyle", "postgres", "how intervals are written"),
	kept("lock_timeout", "0", "has no effect: nothing waits for locks"),
	choice("middb.aggregate", "how rows are grouped", aggregates, func(s *settings) *uint8 { return &s.planner.aggregate }),
	{
		"middb.batch_rows", func(s *Session) string { return strconv.Itoa(s.settings.batchRows) }, setBatchRows,
		"how many rows go through a query at a time, 0: as many as is best",
	},
	boolean("middb.indexes", "indexes are used", func(s *settings) *bool { return &s.planner.noIndexes }, false),
	choice("middb.join", "how tables are joined", joins, func(s *settings) *uint8 { return &s.planner.join }),
	{
		"middb.memory", func(s *Session) string { return formatBytes(s.settings.memory) }, setMemory,
		"how much a query keeps in memory before it writes to files, 0: 64MB",
	},
	boolean("middb.reorder", "joins are put in the best order", func(s *settings) *bool { return &s.planner.noReorder }, false),
	boolean("middb.rewrite", "queries are rewritten", func(s *settings) *bool { return &s.planner.noRewrite }, false),
	boolean("middb.unnest", "subqueries become joins", func(s *settings) *bool { return &s.planner.noUnnest }, false),
	kept("search_path", "public", "has no effect: all tables are in public"),
	shown("server_encoding", "UTF8", "the encoding of texts"),
	shown("server_version", "15.0 (middb)", "the version of PostgreSQL whose SQL this is"),
	fixed("standard_conforming_strings", "on", "a backslash in '' is one", "true"),
	{
		"statement_timeout", func(s *Session) string { return formatDuration(s.settings.timeout) }, setTimeout,
		"how long a statement may take, 0: for ever",
	},
	fixed("timezone", "UTC", "the zone of times", "gmt", "etc/utc", "z", "0"),
	{"transaction_isolation", func(s *Session) string {
		if s.txn != nil {
			return isolation(s.txn.options.Serializable)
		}
		return isolation(s.settings.serializable)
	}, func(s *Session, v string) error {
		if s.txn == nil {
			return nil
		}
		return setIsolation(&s.txn.options.Serializable, v)
	}, "the isolation of the transaction"},
	{"transaction_read_only", func(s *Session) string {
		return onOff(s.onlyReads() || s.settings.readOnly || s.txn != nil && s.txn.options.ReadOnly)
	}, nil, "the transaction only reads"},
}

func isolation(serializable bool) string {
	if serializable {
		return "serializable"
	}
	return "repeatable read"
}

func setIsolation(to *bool, v string) error {
	switch v {
	case "serializable":
		*to = true
	case "repeatable read", "read committed", "read uncommitted":
		*to = false
	default:
		return errValue
	}
	return nil
}

// maxBatchRows is the most that middb.batch_rows takes.
const maxBatchRows = 1 << 16

func setBatchRows(s *Session, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > maxBatchRows {
		return errValue
	}
	s.settings.batchRows = n
	return nil
}

// units of bytes, the largest first.
var units = []struct {
	name  string
	bytes int64
}{{"tb", 1 << 40}, {"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10}, {"b", 1}}

func formatBytes(n int64) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 && u.bytes > 1 {
			return decimal(n/u.bytes) + strings.ToUpper(u.name)
		}
	}
	return decimal(n)
}

func setMemory(s *Session, v string) error {
	factor := int64(1)
	for _, u := range units {
		if rest, found := strings.CutSuffix(v, u.name); found {
			v, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return errValue
	}
	s.settings.memory = n * factor
	return nil
}

func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return decimal(d.Milliseconds()) + "ms"
}

// setTimeout takes milliseconds, or a number with a unit.
func setTimeout(s *Session, v string) error {
	if n, err := strconv.ParseInt(v, 10, 32); err == nil {
		v = decimal(n) + "ms"
	}
	v = strings.ReplaceAll(strings.ReplaceAll(v, "min", "m"), " ", "")
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return errValue
	}
	s.settings.timeout = d
	return nil
}

// setting returns the setting of a name.
func (s *Session) setting(at int, name string) (*setting, error) {
	name = strings.ToLower(name)
	for i := range known {
		if known[i].name == name {
			return &known[i], nil
		}
	}
	return nil, sqlstate.New(sqlstate.UndefinedObject, at, "there is no setting %q", name).WithHint("SHOW ALL lists all settings")
}

// set runs SET and RESET.
func (s *Session) set(st *ast.Set) error {
	if s.txn != nil {
		if err := s.txn.check(); err != nil {
			return err
		}
	}
	if st.Local && s.txn == nil {
		s.notice(sqlstate.NoActiveTransaction, "SET LOCAL does something in transactions only")
		return nil
	}
	before := s.settings
	if err := s.setOne(st); err != nil {
		s.settings = before
		return err
	}
	if s.txn != nil && !st.Local {
		// What is kept changes by the same statement.
		after := s.settings
		s.settings = s.txn.kept
		err := s.setOne(st)
		s.txn.kept, s.settings = s.settings, after
		return err
	}
	return nil
}

func (s *Session) setOne(st *ast.Set) error {
	if st.Name == "" { // RESET ALL
		s.settings = defaultSettings()
		return nil
	}
	one, err := s.setting(st.At, st.Name)
	if err != nil {
		return err
	}
	if one.set == nil {
		return sqlstate.New(sqlstate.CannotChangeNow, st.At, "%s cannot be set", one.name)
	}
	var words []string
	for _, v := range st.Values {
		words = append(words, v.Text)
	}
	value := strings.Join(words, ", ")
	if st.Values == nil {
		value = one.get(&Session{db: s.db, env: s.env, settings: defaultSettings()})
	}
	if one.name != "application_name" {
		value = strings.ToLower(value)
	}
	if err := one.set(s, value); err != nil {
		e := sqlstate.New(sqlstate.InvalidParameter, st.At, "%q is no value of %s", value, one.name)
		if len(st.Values) > 0 {
			e.At = st.Values[0].At
		}
		return e.WithHint("it says %s", one.what)
	}
	return nil
}
