package service

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// MinRootSecret is the length of the shortest root secret, in bytes (RFC 7518 3.2 for HS256).
const MinRootSecret = 32

// RootSecret is the secret of a deployment. Nothing uses it directly: each purpose has a key that
// is derived from it, so that no key can be used for another purpose. It does not know the
// purposes.
type RootSecret struct{ secret []byte }

// NewRootSecret returns a root secret. It returns an error if it is shorter than MinRootSecret.
func NewRootSecret(secret []byte) (RootSecret, error) {
	if len(secret) < MinRootSecret {
		return RootSecret{}, fmt.Errorf("the root secret has %d bytes, it needs %d", len(secret), MinRootSecret)
	}
	return RootSecret{secret}, nil
}

// Derive returns the key of a purpose, of size bytes, by HKDF-SHA-256 (RFC 5869). Replicas with
// the same root secret derive the same keys.
func (r RootSecret) Derive(purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, r.secret, nil, "latchkey "+purpose, size)
	if err != nil {
		panic(err) // a size that HKDF cannot give, or a secret that NewRootSecret did not make
	}
	return key
}

// String keeps the secret out of what is printed.
func (RootSecret) String() string { return "REDACTED" }

// GoString implements fmt.GoStringer.
func (RootSecret) GoString() string { return "REDACTED" }
