package jose

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// JWK is a JSON Web Key (RFC 7517 4) of one of the supported types (RFC 7518 6, RFC 8037 2).
// Unknown members are ignored.
type JWK struct {
	KTY string   `json:"kty"`
	KID string   `json:"kid,omitempty"`
	Alg string   `json:"alg,omitempty"`
	Use string   `json:"use,omitempty"`
	Ops []string `json:"key_ops,omitempty"`
	CRV string   `json:"crv,omitempty"`
	X   string   `json:"x,omitempty"`
	Y   string   `json:"y,omitempty"`
	N   string   `json:"n,omitempty"`
	E   string   `json:"e,omitempty"`
	// The other members are secret.
	K string `json:"k,omitempty"`
	D string `json:"d,omitempty"`
	P string `json:"p,omitempty"`
	Q string `json:"q,omitempty"`
}

// Public returns the key without its secret members.
func (j JWK) Public() JWK {
	j.K, j.D, j.P, j.Q = "", "", "", ""
	return j
}

var b64 = base64.RawURLEncoding

// PublicJWK returns the public half of a key. A symmetric secret has none.
func (k Key) PublicJWK() (JWK, bool) {
	j := JWK{KID: k.ID, Alg: string(k.Algorithm), Use: "sig"}
	switch m := k.public.(type) {
	case ed25519.PublicKey:
		j.KTY, j.CRV, j.X = "OKP", "Ed25519", b64.EncodeToString(m)
	case *ecdsa.PublicKey:
		point, err := m.Bytes() // 4, x, y (SEC 1 2.3.3)
		if err != nil {
			return JWK{}, false
		}
		j.KTY, j.CRV, j.X, j.Y = "EC", "P-256", b64.EncodeToString(point[1:33]), b64.EncodeToString(point[33:])
	case *rsa.PublicKey:
		j.KTY, j.N, j.E = "RSA", b64.EncodeToString(m.N.Bytes()), b64.EncodeToString(big.NewInt(int64(m.E)).Bytes())
	default:
		return JWK{}, false
	}
	return j, true
}

// privateJWK returns the key with its secret members.
func (k Key) privateJWK() (JWK, error) {
	j, _ := k.PublicJWK()
	switch m := k.private.(type) {
	case []byte:
		return JWK{KTY: "oct", KID: k.ID, Alg: string(k.Algorithm), Use: "sig", K: b64.EncodeToString(m)}, nil
	case ed25519.PrivateKey:
		j.D = b64.EncodeToString(m.Seed())
	case *ecdsa.PrivateKey:
		d, err := m.Bytes()
		if err != nil {
			return JWK{}, err
		}
		j.D = b64.EncodeToString(d)
	case *rsa.PrivateKey:
		j.D, j.P, j.Q = b64.EncodeToString(m.D.Bytes()), b64.EncodeToString(m.Primes[0].Bytes()), b64.EncodeToString(m.Primes[1].Bytes())
	default:
		return JWK{}, errors.New("the key has no private part")
	}
	return j, nil
}

// thumbprint returns the RFC 7638 digest of a public key. Its members are in the order of RFC 7638
// 3.2.
func (k Key) thumbprint() string {
	j, _ := k.PublicJWK()
	canonical := ""
	switch j.KTY {
	case "OKP":
		canonical = fmt.Sprintf(`{"crv":%q,"kty":"OKP","x":%q}`, j.CRV, j.X)
	case "EC":
		canonical = fmt.Sprintf(`{"crv":%q,"kty":"EC","x":%q,"y":%q}`, j.CRV, j.X, j.Y)
	case "RSA":
		canonical = fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, j.E, j.N)
	}
	digest := sha256.Sum256([]byte(canonical))
	return b64.EncodeToString(digest[:])
}

// errNotOurs is the error for a JWK that may be valid but is of no supported type.
var errNotOurs = errors.New("not a key that signs by HS256, EdDSA, ES256 or RS256")

// Key converts a JWK to a Key.
func (j JWK) Key() (Key, error) {
	if j.Use != "" && j.Use != "sig" || j.Ops != nil && !slices.Contains(j.Ops, "verify") && !slices.Contains(j.Ops, "sign") {
		return Key{}, errNotOurs
	}
	material, err := j.material()
	if err != nil {
		return Key{}, err
	}
	k, err := NewKey(j.KID, material)
	if err != nil {
		return Key{}, err
	}
	// RFC 9864 gives EdDSA with Ed25519 the separate name Ed25519.
	if j.Alg != "" && j.Alg != string(k.Algorithm) && (j.Alg != "Ed25519" || k.Algorithm != EdDSA) {
		return Key{}, errNotOurs
	}
	if k.Algorithm == HS256 && j.KID == "" {
		return Key{}, errors.New("a symmetric key needs a kid")
	}
	return k, nil
}

func (j JWK) material() (any, error) {
	var bad error
	read := func(name, text string) []byte {
		b, err := strictBase64.DecodeString(text)
		if err != nil || text == "" {
			bad = fmt.Errorf("the member %s is missing or not base64url", name)
		}
		return b
	}
	var material any
	var err error
	switch {
	case j.KTY == "oct":
		material = read("k", j.K)
	case j.KTY == "OKP" && j.CRV == "Ed25519" && j.D != "":
		seed := read("d", j.D)
		if len(seed) != ed25519.SeedSize {
			return nil, errors.New("the Ed25519 key has the wrong size")
		}
		private := ed25519.NewKeyFromSeed(seed)
		if !bytes.Equal(private.Public().(ed25519.PublicKey), read("x", j.X)) {
			return nil, cmp.Or(bad, errOtherHalf)
		}
		material = private
	case j.KTY == "OKP" && j.CRV == "Ed25519":
		material = ed25519.PublicKey(read("x", j.X))
	case j.KTY == "EC" && j.CRV == "P-256" && j.D != "":
		material, err = j.ecPrivate(read)
		if bad == nil && err != nil {
			return nil, err
		}
	case j.KTY == "EC" && j.CRV == "P-256":
		material, err = j.ecPublic(read)
	case j.KTY == "RSA":
		material, err = j.rsa(read)
	default:
		return nil, errNotOurs
	}
	if bad != nil {
		return nil, bad
	}
	return material, err
}

// errOtherHalf is the error for a key whose public and private members belong to different keys. It
// would be published under an ID that its signatures do not match.
var errOtherHalf = errors.New("the public members (x, y) do not belong to the private one (d)")

func (j JWK) ecPublic(read func(name, text string) []byte) (*ecdsa.PublicKey, error) {
	x, y := read("x", j.X), read("y", j.Y)
	if len(x) != 32 || len(y) != 32 {
		return nil, errors.New("the point has the wrong size")
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}

func (j JWK) ecPrivate(read func(name, text string) []byte) (*ecdsa.PrivateKey, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), read("d", j.D))
	if err != nil {
		return nil, errors.New("the member d is not a private key of P-256")
	}
	public, err := j.ecPublic(read)
	if err != nil {
		return nil, err
	}
	if !private.PublicKey.Equal(public) {
		return nil, errOtherHalf
	}
	return private, nil
}

func (j JWK) rsa(read func(name, text string) []byte) (any, error) {
	number := func(name, text string) *big.Int { return new(big.Int).SetBytes(read(name, text)) }
	n, e := number("n", j.N), number("e", j.E)
	if !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 || e.Bit(0) == 0 || n.BitLen() > 16384 {
		return nil, errors.New("the RSA key has numbers out of range")
	}
	public := rsa.PublicKey{N: n, E: int(e.Int64())}
	if j.D == "" {
		return &public, nil
	}
	private := &rsa.PrivateKey{PublicKey: public, D: number("d", j.D), Primes: []*big.Int{number("p", j.P), number("q", j.Q)}}
	if err := private.Validate(); err != nil {
		return nil, errors.New("the RSA key has inconsistent numbers")
	}
	private.Precompute()
	return private, nil
}

// ParseJWK parses a JWK, public or private (RFC 7517 4).
func ParseJWK(text []byte) (Key, error) {
	var j JWK
	if json.Unmarshal(text, &j) != nil || j.KTY == "" {
		var set struct{ Keys []json.RawMessage }
		if json.Unmarshal(text, &set) == nil && set.Keys != nil {
			return Key{}, errors.New("the file is a JWK Set: pass one of its keys")
		}
		return Key{}, errors.New("not a JWK with text members, and not PEM")
	}
	return j.Key()
}

// ParseKey parses a private key: a JWK, or PEM as openssl writes it (PKCS #8, SEC 1, PKCS #1).
// Blocks of parameters or certificates are ignored. Its errors contain no part of the key.
func ParseKey(text []byte) (Key, error) {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	block, rest := pem.Decode(text)
	if block == nil {
		k, err := ParseJWK(text)
		if err == nil && !k.Private() {
			err = errors.New("the key has no private part")
		}
		return k, err
	}
	var found *pem.Block
	var types []string
	for ; block != nil; block, rest = pem.Decode(rest) {
		types = append(types, block.Type)
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") { // such as EC PARAMETERS
			continue
		}
		if found != nil {
			return Key{}, errors.New("the PEM file holds two private keys: pass one")
		}
		found = block
	}
	switch {
	case found == nil:
		return Key{}, fmt.Errorf("the PEM file holds no private key, but: %s", strings.Join(types, ", "))
	case found.Type == "ENCRYPTED PRIVATE KEY" || found.Headers["DEK-Info"] != "":
		return Key{}, errors.New("the private key has a passphrase: remove it with openssl pkey -in FILE")
	}
	material, err := x509.ParsePKCS8PrivateKey(found.Bytes)
	if err != nil {
		material, err = x509.ParseECPrivateKey(found.Bytes)
	}
	if err != nil {
		material, err = x509.ParsePKCS1PrivateKey(found.Bytes)
	}
	if err != nil {
		return Key{}, fmt.Errorf("PEM of type %q holds no Ed25519, P-256 or RSA key in PKCS #8, SEC 1 or PKCS #1", found.Type)
	}
	return NewKey("", material)
}

// PrivateJWK returns the key with its secret members as a JWK, for a keys file. Keep it secret.
func (k Key) PrivateJWK() ([]byte, error) {
	j, err := k.privateJWK()
	if err != nil {
		return nil, err
	}
	return json.Marshal(j)
}
