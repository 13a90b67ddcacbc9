package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"

	"latchkey/repository"
	"latchkey/service/jose"
	"latchkey/service/secret"
)

// errUnseal is the error for a key that was sealed under another root secret.
var errUnseal = errors.New("the keys in the database were sealed with another tokens.secret. Set that secret. " +
	"If the secret was changed on purpose, run latchkey key revoke --all, which logs all users out. " +
	"If this secret is right, run latchkey key revoke KID for the key that was sealed with another secret")

// sealer encrypts the keys in the database.
type sealer struct{ key []byte }

func newSealer(root secret.Root) sealer { return sealer{root.Derive("key encryption v1", 32)} }

// seal encrypts a key for the database with AES-256-GCM. The other columns of its record are
// authenticated with it, so that a key cannot be moved to another name or use.
func (s sealer) seal(k jose.Key, use Use) ([]byte, error) {
	plain, err := k.PrivateJWK()
	if err != nil {
		return nil, err
	}
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, beside(k.ID, use, string(k.Algorithm))), nil //nolint:gosec // G407: this AEAD generates its nonces
}

// unseal decrypts a key from the database.
func (s sealer) unseal(row repository.SigningKey) (jose.Key, error) {
	aead, err := s.aead()
	if err != nil {
		return jose.Key{}, err
	}
	plain, err := aead.Open(nil, nil, row.Sealed, beside(row.ID, row.Use, row.Algorithm))
	if err != nil {
		return jose.Key{}, errUnseal
	}
	var j jose.JWK
	if err := json.Unmarshal(plain, &j); err != nil {
		return jose.Key{}, errors.New("a sealed key is not a JWK")
	}
	return j.Key()
}

func (s sealer) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func beside(id string, use Use, alg string) []byte {
	return fmt.Appendf(nil, "latchkey key v1 %q %q %q", id, use, alg)
}
