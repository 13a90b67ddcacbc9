package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// MinBytes is the minimum length of the root secret in bytes (RFC 7518 3.2 for HS256).
const MinBytes = 32

// Root is the root secret of a deployment. It is never used directly: each purpose has a derived
// key, so that no key can be used for another purpose.
type Root struct{ secret []byte }

// New returns a Root. It returns an error if the secret is shorter than MinBytes.
func New(secret []byte) (Root, error) {
	if len(secret) < MinBytes {
		return Root{}, fmt.Errorf("the root secret has %d bytes, it needs %d", len(secret), MinBytes)
	}
	return Root{secret}, nil
}

// Derive returns the key for a purpose, of size bytes, by HKDF-SHA-256 (RFC 5869). Replicas with
// the same root secret derive the same keys.
func (r Root) Derive(purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, r.secret, nil, "latchkey "+purpose, size)
	if err != nil {
		panic(err) // a size that HKDF does not support, or a Root that New did not make
	}
	return key
}

// String returns REDACTED, which keeps the secret out of printed output.
func (Root) String() string { return "REDACTED" }

// GoString implements fmt.GoStringer.
func (Root) GoString() string { return "REDACTED" }
