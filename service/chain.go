package service

import (
	"crypto/rand"
	"crypto/sha256"

	"latchkey/repository"
)

// tokenIDBytes is the size of a refresh token's id.
const tokenIDBytes = 16

// newTokenID returns the random start of a session's chain.
func newTokenID() repository.TokenID {
	b := make([]byte, tokenIDBytes)
	_, _ = rand.Read(b) // never fails
	return repository.TokenID(b64.EncodeToString(b))
}

// successor returns the id that follows id in its chain. The server can compute
// it for any token that it is shown, and so mint the same successor again;
// nobody else can, and whoever has the key alone lacks the random start.
func (k RootKeys) successor(id repository.TokenID) repository.TokenID {
	var mac [sha256.Size]byte
	return repository.TokenID(b64.EncodeToString(sum(k.chain, mac[:0], string(id))[:tokenIDBytes]))
}

// prove answers a question of the store about a presented token.
func (k RootKeys) prove(asked repository.Presented, token refreshToken) *repository.Proof {
	proof := &repository.Proof{Gen: asked.Gen, JTI: asked.JTI, Next: k.successor(asked.JTI)}
	id := asked.JTI
	for range token.gen - asked.Gen { // at most MaxAhead; none for a predecessor
		proof.Before, id = id, k.successor(id)
	}
	if id != token.id {
		proof.Before = ""
	}
	return proof
}
