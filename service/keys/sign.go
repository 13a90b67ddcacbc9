package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"latchkey/service/jose"
)

// ErrUnknown is the error for a token whose kid is in no key of the set. The key may have been
// published later.
var ErrUnknown = errors.New("no such key")

// ErrForeign is the error for a token of a form in which no key of the issuer signs for this use.
var ErrForeign = errors.New("a foreign token")

// ErrSignature is the error for a token that names one of our keys but was not signed by it.
var ErrSignature = errors.New("bad signature")

// Sign returns a token of a use with these claims (RFC 7515 3.1). With an active key of HS256,
// jose.EdDSA or RS256, the same claims and the same key give the same token.
func (s *Set) Sign(use Use, claims any, now time.Time) (string, error) {
	key, err := s.signer(use, now)
	if err != nil {
		return "", err
	}
	d := drafts.Get().(*draft) //nolint:forcetypeassert // the pool has nothing else
	defer drafts.Put(d)
	d.claims.Reset()
	if err := json.NewEncoder(&d.claims).Encode(claims); err != nil {
		return "", err
	}
	token := append(append(d.token[:0], key.header...), '.')
	token = base64.RawURLEncoding.AppendEncode(token, bytes.TrimSuffix(d.claims.Bytes(), []byte{'\n'}))
	signature, err := key.Sign(token)
	if err != nil {
		return "", err
	}
	d.token = base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)
	return string(d.token), nil
}

// draft is memory for a token while it is made.
type draft struct {
	claims bytes.Buffer
	token  []byte
}

var drafts = sync.Pool{New: func() any { return &draft{} }}

// Verify checks the header and the signature. The kid selects the key, and the key determines the
// algorithm (RFC 8725 3.1).
func (s *Set) Verify(f jose.Form, use Use, now time.Time, late time.Duration) error {
	if f.Typ != typeOf(use) {
		return fmt.Errorf("%w: another kind of token", ErrForeign)
	}
	e, known := s.byID[name{use, f.KID}]
	switch {
	case !known:
		return ErrUnknown
	case f.Alg != string(e.Algorithm):
		return fmt.Errorf("%w: the key has another algorithm", ErrForeign)
	case e.state(now) == Revoked:
		return errors.New("the key is revoked")
	case e.unread:
		return errUnseal
	}
	if err := e.Verify(f.Signed, f.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if !e.accepts(now, late) {
		return ErrOver
	}
	return nil
}

// ErrOver is the error for a valid token of a key whose tokens have all expired.
var ErrOver = errors.New("the key has expired")
