package jose

import (
	"crypto/elliptic"
	"math/big"
)

// ecSignature is the size of an ES256 signature in bytes: r and s, 32 bytes each (RFC 7518 3.4).
const ecSignature = 64

var (
	p256Order = elliptic.P256().Params().N
	halfOrder = new(big.Int).Rsh(p256Order, 1)
)

// HighS reports whether the s of an ES256 signature is above half the order. From a signature (r,
// s) any client can compute (r, n - s), which is also valid. We accept only the lower s, so that a
// token has one form.
func HighS(signature []byte) bool {
	return len(signature) == ecSignature && new(big.Int).SetBytes(signature[ecSignature/2:]).Cmp(halfOrder) > 0
}

// lowS replaces the s of a signature by the lower of its two values.
func lowS(signature []byte) {
	if HighS(signature) {
		s := new(big.Int).SetBytes(signature[ecSignature/2:])
		s.Sub(p256Order, s).FillBytes(signature[ecSignature/2:])
	}
}
