package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const (
	hmacBytes = 32   // RFC 7518 3.2
	rsaBits   = 2048 // RFC 7518 3.3: minimum
)

// Key is key material with its one algorithm (RFC 8725 3.1). A key from another source may have
// only a public half, and then cannot sign.
type Key struct {
	ID        string // kid: the RFC 7638 thumbprint, or a random ID for a secret
	Algorithm Algorithm
	private   any  // []byte, ed25519.PrivateKey, *ecdsa.PrivateKey or *rsa.PrivateKey
	public    any  // []byte, ed25519.PublicKey, *ecdsa.PublicKey or *rsa.PublicKey
	macs      *MAC // for HS256
}

// Private reports whether the key can sign.
func (k Key) Private() bool { return k.private != nil }

// Sign returns the signature of a text (RFC 7515 5.1).
func (k Key) Sign(text []byte) ([]byte, error) {
	if k.macs != nil {
		return Sum(k.macs, nil, text), nil
	}
	signature, err := k.Algorithm.method().Sign(string(text), k.private)
	if err == nil && k.Algorithm == ES256 {
		lowS(signature)
	}
	return signature, err
}

// Verify returns an error if the signature of a text was not made with the key (RFC 7515 5.2).
func (k Key) Verify(text string, signature []byte) error {
	if k.macs == nil {
		return k.Algorithm.method().Verify(text, signature, k.public)
	}
	var mac [sha256.Size]byte
	if !hmac.Equal(signature, Sum(k.macs, mac[:0], text)) {
		return jwt.ErrSignatureInvalid
	}
	return nil
}

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID) }

// GoString implements fmt.GoStringer.
func (k Key) GoString() string { return k.String() }

// String returns the algorithm and the ID, and keeps the key material out of printed output.
func (k Key) String() string { return string(k.Algorithm) + " key " + k.ID }

// GenerateKey generates a key.
func GenerateKey(a Algorithm) (Key, error) {
	switch a {
	case HS256:
		secret, id := make([]byte, hmacBytes), make([]byte, 16)
		_, _ = rand.Read(secret) // never fails
		_, _ = rand.Read(id)
		// A thumbprint of a secret would help an attacker to guess the secret.
		return NewKey(b64.EncodeToString(id), secret)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return Key{}, err
		}
		return NewKey("", private)
	case ES256:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return Key{}, err
		}
		return NewKey("", private)
	case RS256:
		private, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			return Key{}, err
		}
		return NewKey("", private)
	}
	return Key{}, fmt.Errorf("unknown algorithm %q", a)
}

// NewKey returns a key with private or public material, whose type determines the algorithm. If id
// is empty, the ID is the thumbprint.
func NewKey(id string, material any) (Key, error) {
	k := Key{ID: id}
	if pair, ok := material.(crypto.Signer); ok {
		k.private, k.public = material, pair.Public()
	} else {
		k.public = material
	}
	switch m := k.public.(type) {
	case []byte:
		if len(m) < hmacBytes {
			return Key{}, fmt.Errorf("the secret has %d bytes, HS256 needs %d (RFC 7518 3.2)", len(m), hmacBytes)
		}
		k.Algorithm, k.private, k.macs = HS256, m, NewMAC(m)
	case ed25519.PublicKey:
		if len(m) != ed25519.PublicKeySize {
			return Key{}, errors.New("the Ed25519 key has the wrong size")
		}
		k.Algorithm = EdDSA
	case *ecdsa.PublicKey:
		if m.Curve != elliptic.P256() {
			return Key{}, errors.New("an elliptic curve key must be on P-256")
		}
		k.Algorithm = ES256
	case *rsa.PublicKey:
		if m.N.BitLen() < rsaBits {
			return Key{}, fmt.Errorf("the RSA key has %d bits, RS256 needs %d (RFC 7518 3.3)", m.N.BitLen(), rsaBits)
		}
		if private, ok := material.(*rsa.PrivateKey); ok && len(private.Primes) != 2 {
			return Key{}, errors.New("the RSA key has more than two primes")
		}
		k.Algorithm = RS256
	default:
		return Key{}, errNotOurs
	}
	if k.ID == "" {
		k.ID = k.thumbprint()
	}
	if len(k.ID) > maxKeyID || strings.ContainsFunc(k.ID, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\&<>`, r) }) {
		return Key{}, fmt.Errorf("the kid must have at most %d printable characters, without spaces, quotes, \\, &, < and >", maxKeyID)
	}
	return k, nil
}

// maxKeyID and the allowed characters ensure that every JSON encoder writes an ID unchanged.
const maxKeyID = 128
