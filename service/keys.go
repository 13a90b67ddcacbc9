package service

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// MinRootSecret is the shortest root secret, in bytes (RFC 7518 3.2 for HS256).
const MinRootSecret = 32

// Keys are what a root secret gives: one key for each purpose, so that none can
// stand in for another.
type Keys struct {
	access  signingKey
	refresh signingKey
	chain   []byte // for the ids of refresh tokens; see successor
}

// signingKey is one key with its one algorithm and one use. Only HS256 exists
// so far.
type signingKey struct {
	id     string // kid
	secret []byte
}

// DeriveKeys derives the keys from a root secret by HKDF-SHA-256 (RFC 5869),
// one label a purpose. Replicas with the same secret derive the same keys.
func DeriveKeys(root []byte) (Keys, error) {
	if len(root) < MinRootSecret {
		return Keys{}, fmt.Errorf("the root secret has %d bytes, it needs %d", len(root), MinRootSecret)
	}
	var failed error
	derive := func(label string, size int) []byte {
		key, err := hkdf.Key(sha256.New, root, nil, "latchkey "+label, size)
		if err != nil {
			failed = err
		}
		return key
	}
	// The id of a symmetric key is derived beside it and not from it: a
	// thumbprint of a secret would help to guess the secret.
	signing := func(use string) signingKey {
		return signingKey{id: hex.EncodeToString(derive(use+" kid v1", 8)), secret: derive(use+" key v1", 32)}
	}
	k := Keys{access: signing("access"), refresh: signing("refresh"), chain: derive("refresh chain v1", 32)}
	return k, failed
}
