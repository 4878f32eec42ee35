package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

// A urlCase is a URL of the list that all clients are held to, and what it says.
type urlCase struct {
	URL string
	OK  bool

	// Of one that is right. What it does not say is not there.
	Addresses   []string
	User        string
	Password    *string
	Keyspace    string
	TLS         string
	CA          string
	Cert        string
	Key         string
	ServerName  string `json:"server_name"`
	Durability  string
	Timeout     float64
	Connections int `json:"pool"`
	Compress    bool

	// Of one that is wrong.
	Error  string // is said
	Secret string // is not
}

func TestURLsMeanWhatTheyMeanToAllClients(t *testing.T) {
	text, err := os.ReadFile("../testdata/urls.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []urlCase
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err = d.Decode(&cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		u, err := parseURL(c.URL)
		var w *wire.Error
		switch {
		case c.OK && err != nil:
			t.Errorf("%s: %v", c.URL, err)
		case c.OK:
			c.TLS = firstOf(c.TLS, tlsDisable)
			if got := caseOf(c.URL, u); !reflect.DeepEqual(got, c) {
				t.Errorf("%s:\n%+v, want\n%+v", c.URL, got, c)
			}
		case !errors.As(err, &w) || w.Code != wire.ErrInvalidArgument:
			t.Errorf("%s: %+v, %v", c.URL, u, err)
		default:
			says := w.Message + w.Hint
			if !strings.Contains(says, c.Error) || c.Secret != "" && strings.Contains(says, c.Secret) {
				t.Errorf("%s: %s, want %q in it, and no %q", c.URL, says, c.Error, c.Secret)
			}
		}
	}
}

// caseOf returns the case of which u is right.
func caseOf(url string, u *target) urlCase {
	s := u.security
	c := urlCase{
		URL: url, OK: true, User: u.user, Keyspace: u.keyspace, TLS: s.mode, CA: s.ca, Cert: s.cert, Key: s.key,
		ServerName: s.serverName, Timeout: u.timeout.Seconds(), Connections: u.connections, Compress: u.compress,
		Durability: map[wire.Durability]string{wire.Sync: "sync", wire.NoSync: "nosync"}[u.durability],
	}
	for _, a := range u.addresses {
		c.Addresses = append(c.Addresses, a.where)
	}
	if u.hasPassword {
		c.Password = &u.password
	}
	return c
}

func TestURLErrorsNameThePartAndKeepTheSecret(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "scheme",
		"h:7878":                            "scheme",
		"redis://h":                         "scheme",
		"middb://":                          "host",
		"middb://:7878":                     "host",
		"middb://h,":                        "host",
		"middb://::1":                       "host: it has several colons",
		"middb://h:0":                       "port",
		"middb://h:65536":                   "port",
		"middb://h:x":                       "port",
		"middb://ada:hunter2%zz@h":          "password",
		"middb://ad%a:hunter2@h":            "user",
		"middb://:hunter2@h":                "user",
		"middb://h/a/b":                     "keyspace",
		"middb://h/%q":                      "keyspace",
		"middb://h/a?keyspace=b":            "parameter keyspace",
		"middb://h?tls=maybe":               "parameter tls: maybe",
		"middb://h?tls=disable&ca=x":        "parameter tls",
		"middb://h?cert=x":                  "parameters cert and key",
		"middb://h?durability=always":       "parameter durability: always",
		"middb://h?timeout=-5s":             "parameter timeout: -5s",
		"middb://h?pool=0":                  "parameter pool: 0",
		"middb://h?compress=gzip":           "parameter compress: gzip",
		"middb://h?tsl=1":                   "parameters: there is none of the name tsl",
		"middb://h?tls=1&tls=0":             "parameter tls: it is there 2 times",
		"middb://ada:hunter2@h?tls=%zz":     "parameters",
		"middb://ada:hunter2@h:port":        "port",
		"unix://run/s":                      "path",
		"unix://":                           "path",
		"unix:///":                          "path",
		"unix:///%z":                        "path",
		"unix:///s?tls=disable&key=hunter2": "parameter tls",
		"unix:///s?tls=require":             "parameter tls",
		"middb://ada@h?user=bob":            "parameter user",
		"middb://ada:hunter2":               "port",
		"middb://ada:1:hunter2":             "host",
		"middb://ada:hunter2/x@h":           "parts",
		"middb://ada:1:hunter2/x@h":         "parts",
		"middb://ada:1/hunter2@h?keyspace=": "parts",
		"middb://ada:1?hunter2@h":           "parts",
		"middb://ada:1?tls=hunter2@h":       "parts",
		"unix://ada:hunter2/x@/run/s":       "parts",
	} {
		_, err := parseURL(text)
		if err == nil || !strings.HasPrefix(err.Error(), "the URL's "+want) {
			t.Errorf("%s: %v, want the URL's %s", text, err, want)
			continue
		}
		wants(t, err, wire.ErrInvalidArgument)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the secret: %v", text, err)
		}
	}
}

func FuzzURLs(f *testing.F) {
	f.Add("middb://ada:pass@h:1,h2/k?tls=1")
	f.Add("unix://a@/s?pool=2")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseURL(text)
		if err == nil && (len(u.addresses) == 0 || slices.ContainsFunc(u.addresses, func(a address) bool { return a.where == "" })) {
			t.Errorf("%q has no address: %+v", text, u)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{Attempts: -1}, {ConnectTimeout: -1}, {Connections: -1}} {
		_, err := newSettings("middb://h", o)
		wants(t, err, wire.ErrInvalidArgument)
	}
	s, err := newSettings("middb://h?timeout=1s&pool=2&durability=nosync", Options{})
	if err != nil || s.Timeout != time.Second || s.Connections != 2 || s.Durability != wire.NoSync || s.feedAttempts != 0 || s.Attempts != 8 {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = newSettings("middb://h?timeout=1s&pool=2", Options{Timeout: -1, Connections: 3, Attempts: 5})
	if err != nil || s.Timeout != -1 || s.Connections != 3 || s.feedAttempts != 5 {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = newSettings("middb://h?ca=/missing/ca.pem", Options{})
	if err == nil || !strings.Contains(err.Error(), "/missing/ca.pem") {
		t.Error(err)
	}
}
