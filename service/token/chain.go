package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"latchkey/repository"
	"latchkey/service/jose"
	"latchkey/service/secret"
)

// tokenIDBytes is the size of a refresh token ID in bytes.
const tokenIDBytes = 16

// NewID returns a random ID, the start of a session's chain.
func NewID() repository.TokenID {
	b := make([]byte, tokenIDBytes)
	_, _ = rand.Read(b) // never fails
	return repository.TokenID(base64.RawURLEncoding.EncodeToString(b))
}

// chain computes the IDs of refresh tokens, each from its predecessor.
type chain struct{ macs *jose.MAC }

// Successor returns the ID of the refresh token that follows id.
func (t *Minter) Successor(id repository.TokenID) repository.TokenID { return t.chain.successor(id) }

// Prove answers a question of the session store about a token, because the store cannot compute the
// IDs.
func (t *Minter) Prove(asked repository.RefreshResult, token Refresh) *repository.Proof {
	return t.chain.prove(asked, token)
}

func newChain(root secret.Root) chain { return chain{jose.NewMAC(root.Derive("refresh chain v1", 32))} }

// successor returns the ID that follows id in its chain. The server can compute it for any token
// that it receives, and so mint the same successor again. No client can compute it, and an attacker
// with only the key does not know the random start.
func (c chain) successor(id repository.TokenID) repository.TokenID {
	var mac [sha256.Size]byte
	return repository.TokenID(base64.RawURLEncoding.EncodeToString(jose.Sum(c.macs, mac[:0], string(id))[:tokenIDBytes]))
}

// prove answers a question of the store about a refresh token.
func (c chain) prove(asked repository.RefreshResult, token Refresh) *repository.Proof {
	proof := &repository.Proof{Gen: asked.Gen, JTI: asked.JTI, Next: c.successor(asked.JTI)}
	id := asked.JTI
	for range token.Gen - asked.Gen { // at most MaxAhead; none for a predecessor
		proof.Before, id = id, c.successor(id)
	}
	if id != token.JTI {
		proof.Before = ""
	}
	return proof
}
