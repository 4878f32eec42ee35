package client

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

func TestURLs(t *testing.T) {
	for text, want := range map[string]string{
		"middb://h":                            "[h:7878] user= pw=  ks= tls=",
		"middb://h/":                           "[h:7878] user= pw=  ks= tls=",
		"middb://h:1,h2:65535,[::1]:3,[::2]/k": "[h:1 h2:65535 [::1]:3 [::2]:7878] user= pw=  ks=k tls=",
		"middb://ada:p%40ss:w@h/a%2Fb":         "[h:7878] user=ada pw=p@ss:w ks=a/b tls=",
		"middb://ada:p@ss@h":                   "[h:7878] user=ada pw=p@ss ks= tls=",
		"middb://ada@h?keyspace=k":             "[h:7878] user=ada pw= ks=k tls=",
		"middb://h/k?keyspace=k":               "[h:7878] user= pw=  ks=k tls=",
		"middb://h?tls=require":                "[h:7878] user= pw=  ks= tls=require",
		"middb://h?tls=1":                      "[h:7878] user= pw=  ks= tls=verify-full",
		"middb://h?tls=true&server_name=x":     "[h:7878] user= pw=  ks= tls=verify-full",
		"middb://h?tls=false":                  "[h:7878] user= pw=  ks= tls=disable",
		"middb://h?ca=/x/ca.pem":               "[h:7878] user= pw=  ks= tls=verify-full",
		"unix:///run/m%20b.sock?keyspace=k":    "[/run/m b.sock] user= pw=  ks=k tls=disable",
		"unix://ada:x@/run/s":                  "[/run/s] user=ada pw=x ks= tls=disable",
	} {
		u, err := parseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		pw := " "
		if u.hasPassword {
			pw = u.password
		}
		got := fmt.Sprintf("%v user=%s pw=%s ks=%s tls=%s", u.addresses, u.user, pw, u.keyspace, u.security.mode)
		if got != strings.Replace(want, "pw=  ", "pw=  ", 1) && got != strings.Replace(want, "pw= ks", "pw=  ks", 1) {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
	u, err := parseURL("middb://h?durability=nosync&timeout=1500ms&pool=7&compress=zlib&cert=c&key=k")
	if err != nil || u.durability != wire.NoSync || u.timeout != 1500*time.Millisecond || u.connections != 7 || !u.compress || u.security.cert != "c" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestURLErrorsNameThePartAndKeepTheSecret(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "scheme",
		"h:7878":                            "scheme",
		"redis://h":                         "scheme",
		"middb://":                          "host",
		"middb://:7878":                     "host",
		"middb://h,":                        "host",
		"middb://::1":                       "host: ::1 has several colons",
		"middb://h:0":                       "port: 0",
		"middb://h:65536":                   "port: 65536",
		"middb://h:x":                       "port: x",
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
		"middb://h?timeout=5":               "parameter timeout: 5",
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
