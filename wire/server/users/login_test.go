package users

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

func TestLoginNeedsTheRightPassword(t *testing.T) {
	s := newStore(t)
	add(t, s, "ada", "correct horse", admin)
	add(t, s, "bob", "battery staple", reader)
	for name, login := range map[string]func(name, password string) (*Identity, error){
		"SCRAM": func(name, password string) (*Identity, error) { return login(s, name, password) },
		"plain": func(name, password string) (*Identity, error) {
			return s.Authenticate(t.Context(), "tcp", name, password)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, user := range []string{"ada", "bob"} {
				id, err := login(user, map[string]string{"ada": "correct horse", "bob": "battery staple"}[user])
				if err != nil || id.Name() != user {
					t.Fatalf("%s: %v, %v", user, id, err)
				}
			}
			var texts []string
			for _, c := range [][2]string{{"ada", "battery staple"}, {"eve", "correct horse"}, {"ada", "Correct horse"}} {
				id, err := login(c[0], c[1])
				if id != nil || !errors.Is(err, wire.ErrAuthFailed) {
					t.Errorf("%q: %v, %v", c, id, err)
				}
				texts = append(texts, fmt.Sprint(err))
			}
			if len(slices.Compact(texts)) != 1 {
				t.Errorf("the errors tell users from strangers: %q", texts)
			}
		})
	}
}

// The conversation in RFC 7677, section 3.
func TestConversationOfRFC7677(t *testing.T) {
	s := newStore(t)
	add(t, s, "user", "pencil", admin)
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	c, err := derive("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	err = s.change(t.Context(), "user", nil, func(old *userRecord) (*userRecord, error) {
		return &userRecord{recordVersion, old.ID, old.Grants, c}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.nonce = func() string { return "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" }
	conv := s.Conversation("tcp")
	for i, turn := range [][2]string{
		{
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		}, {
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		out, done, err := conv.Step([]byte(turn[0]))
		if err != nil || string(out) != turn[1] || done != (i == 1) {
			t.Fatalf("step %d: %s, %v, %v", i+1, out, done, err)
		}
	}
	if conv.Identity().Name() != "user" {
		t.Error(conv.Identity())
	}
}

func TestStrangersGetAlwaysTheSameSalt(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, fs)
	s := openStore(t, db)
	first := func(s *Store, name string) (salt string) {
		out, done, err := s.Conversation("tcp").Step([]byte("n,,n=" + name + ",r=nonce"))
		if err != nil || done {
			t.Fatal(err)
		}
		return string(out[strings.Index(string(out), ",s="):])
	}
	before := first(s, "eve")
	add(t, s, "ada", "pw", admin)
	if after := first(s, "eve"); after != before {
		t.Errorf("another salt after the first user came: %s, %s", before, after)
	}
	if first(s, "mallory") == before {
		t.Error("all strangers have one salt")
	}
	if len(first(s, "ada")) != len(before) {
		t.Errorf("users answer %s, strangers %s", first(s, "ada"), before)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if again := first(openStore(t, spawn(t, fs)), "eve"); again != before {
		t.Errorf("another salt after reopening: %s, %s", before, again)
	}
}

func TestLoginFailsWhenTheUserChangesMeanwhile(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	add(t, s, "root", "pw", admin)
	for name, change := range map[string]func() error{
		"password": func() error { return s.SetPassword(ctx, "ada", "other") },
		"removed":  func() error { return s.Remove(ctx, "ada") },
	} {
		if err := s.Remove(ctx, "ada"); err != nil && !errors.Is(err, wire.ErrUserMissing) {
			t.Fatal(err)
		}
		add(t, s, "ada", "pw", reader)
		client, _ := scram.SHA256.NewClient("ada", "pw", "")
		conv, c := client.NewConversation(), s.Conversation("tcp")
		out, _ := conv.Step("")
		answer, _, err := c.Step([]byte(out))
		if err != nil {
			t.Fatal(err)
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		out, _ = conv.Step(string(answer))
		if _, _, err := c.Step([]byte(out)); !errors.Is(err, wire.ErrAuthFailed) || c.Identity() != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConversationRefusesNonsense(t *testing.T) {
	s := newStore(t)
	add(t, s, "ada", "pw", admin)
	for first, want := range map[string]wire.Code{
		"":                           wire.ErrBadMessage,
		"n,,n=ada":                   wire.ErrBadMessage,
		"n,,n=a=da,r=x":              wire.ErrBadMessage,
		"p=tls-exporter,,n=ada,r=x":  wire.ErrBadMessage, // no channel binding is offered
		"n,a=root,n=ada,r=x":         wire.ErrAuthFailed,
		strings.Repeat("n", 1<<14):   wire.ErrBadMessage,
		"n,,m=ext,n=ada,r=\xff\xfe,": wire.ErrBadMessage,
	} {
		c := s.Conversation("tcp")
		if _, done, err := c.Step([]byte(first)); !done || !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", first, err, want)
		}
		if _, done, err := c.Step([]byte("c=biws,r=x,p=AAAA")); !done || err == nil {
			t.Errorf("%.40q: it goes on", first)
		}
	}
	for _, final := range []string{"", "c=biws", "c=biws,r=x,p=AAAA", "c=eSws,r=x,p=AAAA", "c=!,r=x,p=!"} {
		c := s.Conversation(final)
		if _, _, err := c.Step([]byte("n,,n=ada,r=x")); err != nil {
			t.Fatal(err)
		}
		if _, done, err := c.Step([]byte(final)); !done || err == nil || c.Identity() != nil {
			t.Errorf("%q: %v", final, err)
		}
	}
}
