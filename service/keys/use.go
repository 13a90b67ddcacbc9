package keys

import (
	"time"

	"latchkey/repository"
)

// Use is the kind of token that a key signs. Each key has one use.
type Use = repository.KeyUse

// The uses.
const (
	UseAccess  = repository.UseAccess
	UseRefresh = repository.UseRefresh
)

// The typ of the tokens of each use (RFC 7515 4.1.9).
const (
	TypeAccess  = "at+jwt" // RFC 9068 2.1
	TypeRefresh = "rt+jwt"
)

// MaxLeeway is the maximum leeway of a verifier: how far the iat of an access token may be ahead of
// its clock, and how long after its exp it may accept the token.
const MaxLeeway = 60 * time.Second

// typeOf returns the typ of the tokens of a use.
func typeOf(use Use) string {
	if use == UseRefresh {
		return TypeRefresh
	}
	return TypeAccess
}
