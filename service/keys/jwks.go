package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"latchkey/service/jose"
)

// JWKS returns the public keys of access tokens as a JWK Set (RFC 7517 5). The set never contains a
// symmetric key.
func (s *Set) JWKS(now time.Time) ([]byte, error) {
	list := struct {
		Keys []jose.JWK `json:"keys"`
	}{[]jose.JWK{}}
	for _, e := range s.entries {
		if j, public := e.PublicJWK(); public && e.use == UseAccess && e.accepts(now, 0) {
			list.Keys = append(list.Keys, j)
		}
	}
	return json.Marshal(list)
}

// ParseJWKS parses a published JWK Set into a set of keys that verify access tokens. It ignores
// keys of unsupported types (RFC 7517 5).
func ParseJWKS(text []byte) (*Set, error) {
	var list struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &list); err != nil || list.Keys == nil {
		return nil, errors.New("not a JWK Set: the member keys is missing")
	}
	var entries []entry
	for _, member := range list.Keys {
		var j jose.JWK
		if json.Unmarshal(member, &j) != nil {
			continue
		}
		j = j.Public()
		k, err := j.Key()
		if err != nil || k.Algorithm == jose.HS256 { // a published secret is no secret
			continue
		}
		entries = append(entries, entry{Key: k, use: UseAccess})
	}
	s := newSet(entries, nil)
	s.source = bytes.Clone(text)
	return s, nil
}

// Same reports whether ParseJWKS made the set from this text.
func (s *Set) Same(text []byte) bool { return s != nil && bytes.Equal(s.source, text) }
