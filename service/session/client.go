package session

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"latchkey/repository"
)

// ClientPolicy holds the limits of a client's sessions and tokens. The policy of the JSON API's own
// sessions is ClientPolicy{ClientID: token.ClientAPI}.
type ClientPolicy struct {
	ClientID string
	// Scopes are the scopes that the client may have now.
	Scopes []string
	// Audience is the audience of the client's access tokens; empty: the audience of the settings.
	Audience string
	// AccessTTL is the lifetime of the client's access tokens; 0: the lifetime of the settings.
	AccessTTL time.Duration
	// IdleTTL and AbsoluteTTL are the lifetimes of the client's sessions, if they are shorter than
	// the lifetimes of the settings.
	IdleTTL     time.Duration
	AbsoluteTTL time.Duration
}

// allow restricts a scope to the client's current scopes. A scope that was removed from the client
// after a login disappears with the next token.
func (t ClientPolicy) allow(scope string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(scope), func(s string) bool { return !slices.Contains(t.Scopes, s) }), " ")
}

// ScopeWithin reports whether every word of scope is in of.
func ScopeWithin(scope, of string) bool {
	has := strings.Fields(of)
	for _, s := range strings.Fields(scope) {
		if !slices.Contains(has, s) {
			return false
		}
	}
	return true
}

// Shorter returns the lifetime of a client, limited to the lifetime of the settings.
func Shorter(ttl, setting time.Duration) time.Duration { return min(cmp.Or(ttl, setting), setting) }

// ScopeWords returns a scope with one space between its words.
func ScopeWords(scope string) string { return strings.Join(strings.Fields(scope), " ") }

// FindClient returns the client with an ID. It does not look up a text that cannot be an ID,
// because not every store accepts a NUL.
func FindClient(ctx context.Context, clients repository.Clients, id string) (repository.Client, error) {
	if !PlainID(id) {
		return repository.Client{}, repository.ErrNotFound
	}
	return clients.FindClient(ctx, id)
}

// PlainID reports whether an ID consists of characters that every client encodes alike.
func PlainID(id string) bool {
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
