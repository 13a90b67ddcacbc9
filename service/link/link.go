package link

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"latchkey/repository"
)

// MaxLive is the number of links of one purpose that a user can have. A request beyond it does not
// void the links that the owner has received, so that a stranger cannot void them by asking again.
const MaxLive = 3

// lives contains how long a link of each purpose can be used.
var lives = map[repository.LinkPurpose]time.Duration{
	repository.LinkSignup: 24 * time.Hour,
	repository.LinkVerify: 24 * time.Hour,
	repository.LinkChange: 24 * time.Hour,
	repository.LinkReset:  time.Hour,
	repository.LinkUndo:   7 * 24 * time.Hour,
}

// Life returns how long a link for a purpose can be used.
func Life(p repository.LinkPurpose) time.Duration { return lives[p] }

// Token is the secret in a one-time link: 256 random bits. The store has only its digest. A Token
// stays out of logs.
type Token string

// New returns a new random Token.
func New() Token {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return Token(base64.RawURLEncoding.EncodeToString(b))
}

// Hash returns the digest of a token, under which the store knows the link.
func (t Token) Hash() repository.LinkHash {
	sum := sha256.Sum256([]byte(t))
	return repository.LinkHash(hex.EncodeToString(sum[:]))
}

// LogValue implements slog.LogValuer.
func (Token) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// Placeholder is replaced by the token in a URL of the settings.
const Placeholder = "{token}"

// URLs are the addresses of the pages that use links. Each contains Placeholder. They come from the
// settings and never from a request, because an attacker could otherwise choose the host.
type URLs struct {
	Verify string
	Reset  string
	Undo   string
}

// For returns the URL of a link.
func (u URLs) For(p repository.LinkPurpose, t Token) string {
	page := u.Verify
	switch p {
	case repository.LinkReset:
		page = u.Reset
	case repository.LinkUndo:
		page = u.Undo
	case repository.LinkSignup, repository.LinkVerify, repository.LinkChange:
	}
	return strings.ReplaceAll(page, Placeholder, url.QueryEscape(string(t)))
}
