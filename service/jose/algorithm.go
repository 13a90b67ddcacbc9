package jose

import (
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is a signature algorithm by its JOSE name (RFC 7518 3.1, RFC 8037 3.1).
type Algorithm string

// The algorithms. HS256 needs the secret to verify, so it suits installations in which only
// Latchkey verifies tokens. All common verifiers support ES256 and RS256. Some do not support
// EdDSA, which is faster.
const (
	HS256 Algorithm = "HS256"
	EdDSA Algorithm = "EdDSA" // with Ed25519
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256"
)

// DefaultAlgorithm is the algorithm of the access tokens of a new installation.
const DefaultAlgorithm = ES256

// ParseAlgorithm returns the algorithm with a name.
func ParseAlgorithm(name string) (Algorithm, error) {
	if a := Algorithm(name); a.method() != nil {
		return a, nil
	}
	return "", fmt.Errorf("%q is not one of HS256, EdDSA, ES256, RS256", name)
}

// method returns the signing method, or nil for an unknown algorithm.
func (a Algorithm) method() jwt.SigningMethod {
	switch a {
	case HS256:
		return jwt.SigningMethodHS256
	case EdDSA:
		return jwt.SigningMethodEdDSA
	case ES256:
		return jwt.SigningMethodES256
	case RS256:
		return jwt.SigningMethodRS256
	}
	return nil
}
