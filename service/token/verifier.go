package token

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/jose"
	"latchkey/service/keys"
)

const (
	// RemoteLeeway is the default leeway of another service: how long after its expiry it accepts
	// an access token, because its clock is not compared with ours.
	RemoteLeeway = 30 * time.Second
)

// KeySource provides the current keys. Its methods do no I/O and are safe for concurrent use.
type KeySource interface {
	KeySet() *keys.Set
	// Current reports whether a key that is not in the set does not exist. It returns false while
	// keys may have changed without our knowledge.
	Current() bool
}

// SignedByAnother reports whether err is the error for a token that no key of the issuer signed,
// or signs in this form. A replica that may not know all keys returns store_unavailable instead.
func SignedByAnother(err error) bool {
	return errors.Is(err, keys.ErrUnknown) || errors.Is(err, keys.ErrSignature) || errors.Is(err, keys.ErrForeign)
}

// Verifier verifies tokens. It does no I/O and is safe for concurrent use. It remembers verified
// tokens until the keys change.
type Verifier struct {
	keys     KeySource
	issuer   string
	audience string
	leeway   time.Duration // after exp
	now      func() time.Time
	seen     atomic.Pointer[verified]
}

// NewVerifier returns a Verifier of the access tokens of an issuer for an audience. It accepts
// tokens for leeway, at most a minute, after their expiry.
func NewVerifier(list KeySource, issuer, audience string, leeway time.Duration, now func() time.Time) *Verifier {
	return &Verifier{keys: list, issuer: issuer, audience: audience, leeway: min(leeway, keys.MaxLeeway), now: now}
}

// VerifyAccess returns the subject of an access token, or token_malformed, token_invalid or
// token_expired.
func (v *Verifier) VerifyAccess(raw Raw) (Subject, error) {
	if len(raw) > jose.MaxBytes { // before the digest is computed
		return Subject{}, accessError(fmt.Errorf("%w: %w: longer than %d bytes", keys.ErrForeign, jwt.ErrTokenMalformed, jose.MaxBytes))
	}
	set, now := v.keys.KeySet(), v.now()
	seen := v.seenWith(set)
	var short [1024]byte // longer tokens are copied to the heap
	digest := sha256.Sum256(append(short[:0], raw...))
	if s, ok := seen.find(digest, now); ok {
		return s, nil
	}
	s, err := v.verifyAccess(set, raw, v.audience, now, v.leeway, 0)
	if err == nil {
		seen.add(digest, s, now)
	}
	return s, err
}

// VerifyLateAccess verifies an access token for a logout, which must also work up to late after the
// token has expired.
func (v *Verifier) VerifyLateAccess(raw Raw, late time.Duration) (Subject, error) {
	return v.verifyAccess(v.keys.KeySet(), raw, v.audience, v.now(), v.leeway, late)
}

// VerifyIssued verifies an access token for its issuer, as VerifyLateAccess does, but for any
// audience and without leeway.
func (v *Verifier) VerifyIssued(raw Raw, late time.Duration) (Subject, error) {
	return v.verifyAccess(v.keys.KeySet(), raw, anyAudience, v.now(), 0, late)
}

// seenWith returns the tokens that were verified with this set of keys.
func (v *Verifier) seenWith(set *keys.Set) *verified {
	seen := v.seen.Load()
	if seen != nil && seen.keys == set {
		return seen
	}
	fresh := newVerified(set)
	v.seen.CompareAndSwap(seen, fresh) // if another goroutine was first, fresh is dropped
	return fresh
}

func (v *Verifier) verifyAccess(set *keys.Set, raw Raw, audience string, now time.Time, leeway, late time.Duration) (Subject, error) {
	var c Claims
	err := v.verify(set, raw, &c, keys.UseAccess, audience, now, late)
	if err != nil && !errors.Is(err, keys.ErrOver) {
		return Subject{}, accessError(err)
	}
	if err != nil || !now.Before(seconds(c.ExpiresAt).Add(leeway+late)) {
		return Subject{}, service.NewError(service.CodeTokenExpired, "The access token has expired. Refresh it and try again.")
	}
	return c.subject(), nil
}

// anyAudience accepts every audience, for VerifyIssued.
const anyAudience = ""

// verify makes the checks that both kinds of token have in common, except exp, which must be
// present.
func (v *Verifier) verify(set *keys.Set, raw Raw, c *Claims, use keys.Use, audience string, now time.Time, late time.Duration) error {
	f, err := jose.ParseForm(string(raw))
	if err != nil {
		return fmt.Errorf("%w: %w", keys.ErrForeign, err)
	}
	keyErr := set.Verify(f, use, now, late)
	switch {
	case errors.Is(keyErr, keys.ErrUnknown) && !v.keys.Current():
		return service.StoreFailure("look up a key", fmt.Errorf("%w: the keys may be outdated", repository.ErrUnavailable))
	case keyErr != nil && !errors.Is(keyErr, keys.ErrOver):
		return keyErr
	}
	if err := f.Members(c.member); err != nil {
		return err
	}
	ahead := now.Add(keys.MaxLeeway).Unix()
	switch {
	case c.Issuer != v.issuer:
		return errors.New("another issuer")
	case audience != anyAudience && !slices.Contains(c.audiences, audience):
		return errors.New("another audience")
	case c.Subject == "" || c.TokenID == "" || c.ExpiresAt == 0 || c.IssuedAt == 0:
		return errors.New("a claim is missing")
	case f.Alg == string(jose.ES256) && jose.HighS(f.Signature) && (c.SessionID == "" || c.Epoch != nil):
		// The signature was computed from another one. A high s is accepted only without the epoch
		// claim, because earlier versions signed such tokens with either s.
		return errors.New("the signature has a high s")
	case use == keys.UseAccess && (c.IssuedAt > ahead || c.NotBefore > ahead):
		return errors.New("issued in the future") // for a refresh token the stored session decides
	}
	return keyErr
}

func accessError(err error) error {
	var known *service.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, jwt.ErrTokenMalformed) {
		return &service.Error{Code: service.CodeTokenMalformed, Message: "The access token is not a JWT.", Err: err}
	}
	return &service.Error{Code: service.CodeTokenInvalid, Message: "The access token was not issued by this service.", Err: err}
}
