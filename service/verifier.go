package service

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/repository"
)

const (
	typeAccess  = "at+jwt" // RFC 9068 2.1
	typeRefresh = "rt+jwt"
	// maxLeeway is how far the iat of an access token may be ahead of the clock of
	// whoever verifies it, and the longest leeway for its exp.
	maxLeeway = 60 * time.Second
	// RemoteLeeway is how long after its expiry another service accepts an access
	// token, unless it says: its clock is not compared with ours.
	RemoteLeeway = 30 * time.Second
)

// KeySource has the keys of the moment. It does no I/O when asked, and is safe
// for concurrent use.
type KeySource interface {
	KeySet() *KeySet
	// Current reports whether a key that is not in the set is none: false while
	// the keys may have changed unheard.
	Current() bool
}

// typeOf is the typ of the tokens of a use.
func typeOf(use KeyUse) string {
	if use == UseRefresh {
		return typeRefresh
	}
	return typeAccess
}

// ErrUnknownKey is in the error of a token whose kid is in no key of the set: it
// may be one that was published since.
var ErrUnknownKey = errors.New("no such key")

// errSignature is of a token that names one of our keys and was not signed by it.
var errSignature = errors.New("bad signature")

// SignedByAnother reports whether err is of a token that no key of the issuer signed. A
// replica that may not know all keys returns store_unavailable instead.
func SignedByAnother(err error) bool {
	return errors.Is(err, ErrUnknownKey) || errors.Is(err, errSignature)
}

// Verifier checks tokens. It does no I/O and is safe for concurrent use. What it
// has checked it remembers, until the keys change.
type Verifier struct {
	keys     KeySource
	issuer   string
	audience string
	leeway   time.Duration // after exp
	now      func() time.Time
	seen     atomic.Pointer[verified]
}

// NewVerifier returns a verifier of the access tokens of an issuer for an
// audience. It accepts them for leeway, at most a minute, after their expiry.
func NewVerifier(keys KeySource, issuer, audience string, leeway time.Duration, now func() time.Time) *Verifier {
	return &Verifier{keys: keys, issuer: issuer, audience: audience, leeway: min(leeway, maxLeeway), now: now}
}

// VerifyAccess returns whom an access token speaks for, or token_malformed,
// token_invalid or token_expired.
func (v *Verifier) VerifyAccess(raw RawToken) (Subject, error) {
	if len(raw) > maxToken { // before it is digested
		return Subject{}, accessError(fmt.Errorf("%w: longer than %d bytes", jwt.ErrTokenMalformed, maxToken))
	}
	set, now := v.keys.KeySet(), v.now()
	seen := v.seenWith(set)
	var short [1024]byte // longer ones are copied to the heap
	digest := sha256.Sum256(append(short[:0], raw...))
	if s, ok := seen.find(digest, now); ok {
		return s, nil
	}
	s, err := v.verifyAccess(set, raw, v.audience, now, 0)
	if err == nil {
		seen.add(digest, s, now)
	}
	return s, err
}

// VerifyLateAccess is VerifyAccess for logging out, which must also work once
// the token has expired, for so long.
func (v *Verifier) VerifyLateAccess(raw RawToken, late time.Duration) (Subject, error) {
	return v.verifyLate(raw, v.audience, late)
}

func (v *Verifier) verifyLate(raw RawToken, audience string, late time.Duration) (Subject, error) {
	return v.verifyAccess(v.keys.KeySet(), raw, audience, v.now(), late)
}

// seenWith returns what was verified with these very keys.
func (v *Verifier) seenWith(set *KeySet) *verified {
	seen := v.seen.Load()
	if seen != nil && seen.keys == set {
		return seen
	}
	fresh := newVerified(set)
	v.seen.CompareAndSwap(seen, fresh) // a loser's is forgotten
	return fresh
}

func (v *Verifier) verifyAccess(set *KeySet, raw RawToken, audience string, now time.Time, late time.Duration) (Subject, error) {
	var c claims
	err := v.verify(set, raw, &c, UseAccess, audience, now, late)
	if err != nil && !errors.Is(err, errKeyOver) {
		return Subject{}, accessError(err)
	}
	if err != nil || !now.Before(seconds(c.ExpiresAt).Add(v.leeway+late)) {
		return Subject{}, NewError(CodeTokenExpired, "The access token has expired. Refresh it and try again.")
	}
	return c.subject(), nil
}

// anyAudience is for the issuer itself, which answers for all tokens that it issued.
const anyAudience = ""

// verify checks everything of a token that both kinds have, but for exp, which
// must be there.
func (v *Verifier) verify(set *KeySet, raw RawToken, c *claims, use KeyUse, audience string, now time.Time, late time.Duration) error {
	f, err := parseForm(string(raw))
	if err != nil {
		return err
	}
	keyErr := set.verify(f, use, now, late)
	switch {
	case errors.Is(keyErr, ErrUnknownKey) && !v.keys.Current():
		return storeFailure("look up a key", fmt.Errorf("%w: the keys may have changed", repository.ErrUnavailable))
	case keyErr != nil && !errors.Is(keyErr, errKeyOver):
		return keyErr
	}
	if err := f.claims(c); err != nil {
		return err
	}
	ahead := now.Add(maxLeeway).Unix()
	switch {
	case c.Issuer != v.issuer:
		return errors.New("another issuer")
	case audience != anyAudience && !slices.Contains(c.audiences, audience):
		return errors.New("another audience")
	case c.Subject == "" || c.TokenID == "" || c.ExpiresAt == 0 || c.IssuedAt == 0:
		return errors.New("a claim is missing")
	case f.alg == string(ES256) && highS(f.signature) && (c.SessionID == "" || c.Epoch != nil):
		// It was made from another signature. A version before the claim epoch signed so itself.
		return errors.New("the signature has a high s")
	case use == UseAccess && (c.IssuedAt > ahead || c.NotBefore > ahead):
		return errors.New("from the future") // of a refresh token the stored session decides
	}
	return keyErr
}

// verify checks the header and the signature: the kid decides the key, and the
// key decides the algorithm (RFC 8725 3.1).
func (s *KeySet) verify(f jwtForm, use KeyUse, now time.Time, late time.Duration) error {
	if f.typ != typeOf(use) {
		return errors.New("another kind of token")
	}
	e, known := s.byID[keyName{use, f.kid}]
	switch {
	case !known:
		return ErrUnknownKey
	case f.alg != string(e.Algorithm):
		return errors.New("the key is of another algorithm")
	case e.state(now) == KeyRevoked:
		return errors.New("the key is revoked")
	case e.unread:
		return errUnseal
	}
	if err := e.verify(f.signed, f.signature); err != nil {
		return fmt.Errorf("%w: %w", errSignature, err)
	}
	if !e.honours(now, late) {
		return errKeyOver
	}
	return nil
}

// errKeyOver is of a good token of a key whose tokens have all expired.
var errKeyOver = errors.New("the time of the key is over")

func accessError(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, jwt.ErrTokenMalformed) {
		return &Error{Code: CodeTokenMalformed, Message: "The access token is not a JWT.", Err: err}
	}
	return &Error{Code: CodeTokenInvalid, Message: "The access token is not one of ours.", Err: err}
}
