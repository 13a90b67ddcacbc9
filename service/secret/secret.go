package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// MinBytes is the length of the shortest root secret, in bytes (RFC 7518 3.2 for HS256).
const MinBytes = 32

// Root is the secret of a deployment. Nothing uses it directly: each purpose has a key that
// is derived from it, so that no key can be used for another purpose. It does not know the
// purposes.
type Root struct{ secret []byte }

// New returns a root secret. It returns an error if it is shorter than MinBytes.
func New(secret []byte) (Root, error) {
	if len(secret) < MinBytes {
		return Root{}, fmt.Errorf("the root secret has %d bytes, it needs %d", len(secret), MinBytes)
	}
	return Root{secret}, nil
}

// Derive returns the key of a purpose, of size bytes, by HKDF-SHA-256 (RFC 5869). Replicas with
// the same root secret derive the same keys.
func (r Root) Derive(purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, r.secret, nil, "latchkey "+purpose, size)
	if err != nil {
		panic(err) // a size that HKDF cannot give, or a secret that New did not make
	}
	return key
}

// String keeps the secret out of what is printed.
func (Root) String() string { return "REDACTED" }

// GoString implements fmt.GoStringer.
func (Root) GoString() string { return "REDACTED" }
