package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"latchkey/repository"
	"latchkey/service/jose"
	"latchkey/service/secret"
)

// tokenIDBytes is the size of a refresh token's id.
const tokenIDBytes = 16

// NewID returns the random start of a session's chain.
func NewID() repository.TokenID {
	b := make([]byte, tokenIDBytes)
	_, _ = rand.Read(b) // never fails
	return repository.TokenID(base64.RawURLEncoding.EncodeToString(b))
}

// chain computes the ids of refresh tokens, each from the one before.
type chain struct{ macs *jose.MAC }

// Successor returns the id of the refresh token that follows another.
func (t *Minter) Successor(id repository.TokenID) repository.TokenID { return t.chain.successor(id) }

// Prove answers the session store, which cannot compute the ids: what it asked about a token.
func (t *Minter) Prove(asked repository.RefreshResult, token Refresh) *repository.Proof {
	return t.chain.prove(asked, token)
}

func newChain(root secret.Root) chain { return chain{jose.NewMAC(root.Derive("refresh chain v1", 32))} }

// successor returns the id that follows id in its chain. The server can compute
// it for any token that it is shown, and so mint the same successor again;
// nobody else can, and whoever has the key alone lacks the random start.
func (c chain) successor(id repository.TokenID) repository.TokenID {
	var mac [sha256.Size]byte
	return repository.TokenID(base64.RawURLEncoding.EncodeToString(jose.Sum(c.macs, mac[:0], string(id))[:tokenIDBytes]))
}

// prove answers a question of the store about a presented token.
func (c chain) prove(asked repository.RefreshResult, token Refresh) *repository.Proof {
	proof := &repository.Proof{Gen: asked.Gen, JTI: asked.JTI, Next: c.successor(asked.JTI)}
	id := asked.JTI
	for range token.Gen - asked.Gen { // at most MaxAhead; none for a predecessor
		proof.Before, id = id, c.successor(id)
	}
	if id != token.ID {
		proof.Before = ""
	}
	return proof
}
