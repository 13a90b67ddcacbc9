package service

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"

	"latchkey/repository"
)

// errUnseal is of a key that was sealed under another root secret.
var errUnseal = errors.New("the keys in the database were sealed under another tokens.secret. Give this process that secret; " +
	"or, if the secret was changed on purpose, run: latchkey key revoke --all, which logs everyone out; " +
	"or, if this is the right secret, drop the key that was made under another: latchkey key revoke KID")

// seal encrypts a key for the database with AES-256-GCM. What stands beside it
// in its row is authenticated with it, so that a key cannot be given another
// name or use.
func (r RootKeys) seal(k Key, use KeyUse) ([]byte, error) {
	j, err := k.privateJWK()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	aead, err := r.aead()
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, beside(k.ID, use, string(k.Algorithm))), nil //nolint:gosec // G407: this AEAD draws its nonces itself
}

// unseal reads a key of the database.
func (r RootKeys) unseal(row repository.SigningKey) (Key, error) {
	aead, err := r.aead()
	if err != nil {
		return Key{}, err
	}
	plain, err := aead.Open(nil, nil, row.Sealed, beside(row.ID, row.Use, row.Algorithm))
	if err != nil {
		return Key{}, errUnseal
	}
	var j jwk
	if err := json.Unmarshal(plain, &j); err != nil {
		return Key{}, errors.New("a sealed key is no JWK")
	}
	return j.key()
}

func (r RootKeys) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(r.sealing)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func beside(id string, use KeyUse, alg string) []byte {
	return fmt.Appendf(nil, "latchkey key v1 %q %q %q", id, use, alg)
}
