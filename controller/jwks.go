package controller

import (
	"encoding/json"
	"time"
)

// jwksMaxAge is how long verifiers may cache the key set. A key is published much longer than
// that before it signs; see KeyPolicy.Publish.
const jwksMaxAge = time.Minute

// jwks handles GET /.well-known/jwks.json (RFC 7517 5).
func (s *server) jwks(*call, empty) (reply, error) {
	set, err := s.Keys.KeySet().JWKS(s.Now())
	if err != nil {
		return reply{}, err
	}
	return reply{body: json.RawMessage(set), mediaType: "application/jwk-set+json", maxAge: jwksMaxAge}, nil
}
