package session

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"latchkey/repository"
)

// ClientPolicy are what a client's sessions and tokens get. The JSON API's own are
// Terms{ClientID: token.ClientAPI}.
type ClientPolicy struct {
	ClientID string
	// Scopes are those that the client may have at the moment.
	Scopes []string
	// Audience is what its access tokens are for; empty: the audience of the settings.
	Audience string
	// AccessTTL is that of its access tokens; 0: that of the settings.
	AccessTTL time.Duration
	// IdleTTL and AbsoluteTTL are those of its sessions, where they are shorter
	// than the settings'.
	IdleTTL     time.Duration
	AbsoluteTTL time.Duration
}

// allow cuts a scope to what the client may have now: what was taken from it
// after a log-in is gone with the next token.
func (t ClientPolicy) allow(scope string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(scope), func(s string) bool { return !slices.Contains(t.Scopes, s) }), " ")
}

// ScopeWithin reports whether every word of a scope is in another.
func ScopeWithin(scope, of string) bool {
	has := strings.Fields(of)
	for _, s := range strings.Fields(scope) {
		if !slices.Contains(has, s) {
			return false
		}
	}
	return true
}

// Shorter is a lifetime of a client that is no longer than that of the settings.
func Shorter(ttl, setting time.Duration) time.Duration { return min(cmp.Or(ttl, setting), setting) }

// ScopeWords is a scope with one blank between its words.
func ScopeWords(scope string) string { return strings.Join(strings.Fields(scope), " ") }

// FindClient looks up what can be an id, and nothing else: a NUL is no matter for
// a store.
func FindClient(ctx context.Context, clients repository.Clients, id string) (repository.Client, error) {
	if !PlainID(id) {
		return repository.Client{}, repository.ErrNotFound
	}
	return clients.FindClient(ctx, id)
}

// PlainID reports whether an id is of characters that every client encodes alike.
func PlainID(id string) bool {
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
