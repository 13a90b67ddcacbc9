package rig

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/bench/load"
)

const (
	issuer   = "http://localhost:8080"
	clientID = "latchkey" // of the JSON API
)

// Connections is the number of connections of a closed loop.
const Connections = 64

// UserID returns the ID of a seeded user. Users and sessions are numbered, so that the clients
// need no list of a million IDs.
func UserID(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012x", n) }

// SessionID returns the ID of a seeded session.
func SessionID(n int) string { return fmt.Sprintf("00000000-0000-7000-9000-%012x", n) }

func firstID(n int) string { return fmt.Sprintf("bench%017d", n) }

// Username returns the name of a seeded user.
func Username(n int) string { return fmt.Sprint("user", n) }

// sign makes a token as the service would.
func (k key) sign(typ string, claims jwt.MapClaims) []byte {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header = map[string]any{"alg": "HS256", "kid": k.id, "typ": typ}
	text, err := token.SignedString(k.raw)
	if err != nil {
		panic(err) // HMAC takes any key
	}
	return []byte(text)
}

// refreshToken returns the first token of a session. It is made without a library, in a few
// µs, so that a client with a new session for each request costs the same as any other.
func (k key) refreshToken(n int) []byte {
	now := time.Now().Unix()
	claims := fmt.Appendf(make([]byte, 0, 400), `{"iss":"`+issuer+`","aud":["`+issuer+`"],"client_id":"`+clientID+`","sub":%q,"sid":%q,"jti":%q,"iat":%d,"exp":%d,"gen":0}`,
		UserID(n), SessionID(n), firstID(n), now-10, now+86_400)
	text := base64.RawURLEncoding.AppendEncode(make([]byte, 0, 700), []byte(`{"alg":"HS256","kid":"`+k.id+`","typ":"rt+jwt"}`))
	text = base64.RawURLEncoding.AppendEncode(append(text, '.'), claims)
	mac := hmac.New(sha256.New, k.raw)
	mac.Write(text)
	return base64.RawURLEncoding.AppendEncode(append(text, '.'), mac.Sum(nil))
}

// AccessToken returns an access token of a session. Tokens with different numbers differ.
func (k key) AccessToken(n, one int) []byte {
	now := time.Now().Unix()
	return k.sign("at+jwt", jwt.MapClaims{
		"iss": issuer, "aud": []string{"latchkey"}, "sub": UserID(n), "client_id": clientID, "sid": SessionID(n), "jti": firstID(one),
		"iat": now - 10, "exp": now + 86_400, "auth_time": now - 10, "amr": []string{"pwd"}, "privilege": 0, "epoch": 0,
	})
}

// Refresher sends the newest token of one of its sessions at a time.
type Refresher struct {
	Path     string
	Key      key
	Sessions []int
	Tokens   map[int][]byte
	Keep     bool // rtVerify by header: the token stays
	current  int
}

// Refreshers returns clients that share a number of sessions, beginning with first. Each keeps
// only the tokens of the sessions that it has used.
func Refreshers(path string, k key, first, sessions int) []*Refresher {
	list := make([]*Refresher, Connections)
	for i := range list {
		list[i] = &Refresher{Path: path, Key: k, Tokens: map[int][]byte{}}
		for n := i; n < sessions; n += Connections {
			list[i].Sessions = append(list[i].Sessions, first+n)
		}
	}
	return list
}

// Request implements load.Client.
func (r *Refresher) Request(b []byte) []byte {
	r.current = r.Sessions[rand.IntN(len(r.Sessions))]
	token, ok := r.Tokens[r.current]
	if !ok {
		token = r.Key.refreshToken(r.current)
		r.Tokens[r.current] = token
	}
	b = append(append(append(b, "POST "...), r.Path...), " HTTP/1.1\r\nHost: localhost\r\n"...)
	if r.Keep {
		b = append(append(append(b, "refreshtoken: "...), token...), "\r\nuserid: "...)
		return append(append(b, UserID(r.current)...), "\r\nContent-Length: 0\r\n\r\n"...)
	}
	const open, end = `{"refreshToken":"`, `"}`
	b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(open)+len(token)+len(end)), 10)
	return append(append(append(append(b, "\r\n\r\n"...), open...), token...), end...)
}

// Answered implements load.Client.
func (r *Refresher) Answered(status int, body []byte) error {
	if status != 200 {
		return Unexpected(status, body)
	}
	if r.Keep {
		return nil
	}
	token := Member(body, "refreshToken")
	if token == nil {
		return errors.New("no refresh token in the answer")
	}
	r.Tokens[r.current] = append(r.Tokens[r.current][:0], token...)
	return nil
}

// Member finds a string in a JSON object, without reading the object.
func Member(body []byte, name string) []byte {
	_, rest, ok := bytes.Cut(body, []byte(`"`+name+`":"`))
	if !ok {
		return nil
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return value
}

// Unexpected returns the error for an answer with an unexpected status.
func Unexpected(status int, body []byte) error {
	return fmt.Errorf("status %d: %.200s", status, body)
}

// Getter asks for a path, with each of its tokens in turn.
type Getter struct {
	Path   string
	Tokens [][]byte
	next   int
}

// Request implements load.Client.
func (g *Getter) Request(b []byte) []byte {
	b = append(append(append(b, "GET "...), g.Path...), " HTTP/1.1\r\nHost: localhost\r\n"...)
	if len(g.Tokens) > 0 {
		b = append(append(append(b, "Authorization: Bearer "...), g.Tokens[g.next]...), "\r\n"...)
		g.next = (g.next + 1) % len(g.Tokens)
	}
	return append(b, "\r\n"...)
}

// Answered implements load.Client.
func (g *Getter) Answered(status int, body []byte) error {
	if status != 200 {
		return Unexpected(status, body)
	}
	return nil
}

// Poster sends the body that Next returns, with the address that Next returns.
type Poster struct {
	Path     string
	Type     string // the content type; "" is JSON
	Header   string // one more, or ""
	Next     func() (body, address string)
	OnAnswer func(status int, body []byte) error
}

// Request implements load.Client.
func (p *Poster) Request(b []byte) []byte {
	body, address := p.Next()
	if p.Header != "" {
		address += "\r\n" + p.Header
	}
	return fmt.Appendf(b, "POST %s HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		p.Path, address, cmp.Or(p.Type, "application/json"), len(body), body)
}

// Answered implements load.Client.
func (p *Poster) Answered(status int, body []byte) error { return p.OnAnswer(status, body) }

// LoginBody returns the body of a login by the JSON API.
func LoginBody(username, password string) string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, username, password)
}

// ClientsOf turns a list of one kind of client into one of any.
func ClientsOf[C load.Client](list []C) []load.Client {
	all := make([]load.Client, len(list))
	for i, c := range list {
		all[i] = c
	}
	return all
}

// Highest is the highest number so far, from 0.
type Highest struct{ atomic.Int64 }

// Raise stores a number if it is higher than the stored one.
func (h *Highest) Raise(n int64) {
	for most := h.Load(); n > most && !h.CompareAndSwap(most, n); {
		most = h.Load()
	}
}
