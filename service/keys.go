package service

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// MinRootSecret is the shortest root secret, in bytes (RFC 7518 3.2 for HS256).
const MinRootSecret = 32

// RootKeys are what a root secret gives: one key for each purpose, so that none
// can stand in for another. The keys that sign tokens are random: two deployments with
// one secret must not accept each other's tokens.
type RootKeys struct {
	chain   *macs  // for the ids of refresh tokens; see successor
	sealing []byte // for the keys in the database; see seal
	limit   []byte // for the names of limits; see Throttle
	device  []byte // for the tokens of known devices; see DeviceToken
	name    []byte // for the names of sessions; see SessionName
}

// String keeps the keys out of what is printed.
func (RootKeys) String() string { return "REDACTED" }

// GoString implements fmt.GoStringer.
func (RootKeys) GoString() string { return "REDACTED" }

// DeriveKeys derives the keys from a root secret by HKDF-SHA-256 (RFC 5869),
// one label a purpose. Replicas with the same secret derive the same keys.
func DeriveKeys(root []byte) (RootKeys, error) {
	if len(root) < MinRootSecret {
		return RootKeys{}, fmt.Errorf("the root secret has %d bytes, it needs %d", len(root), MinRootSecret)
	}
	var failed error
	derive := func(label string, size int) []byte {
		key, err := hkdf.Key(sha256.New, root, nil, "latchkey "+label, size)
		if err != nil {
			failed = err
		}
		return key
	}
	r := RootKeys{chain: newMACs(derive("refresh chain v1", 32)), sealing: derive("key encryption v1", 32)}
	r.limit, r.device, r.name = derive("login limit v1", 32), derive("known device v1", 32), derive("session name v1", 32)
	return r, failed
}
