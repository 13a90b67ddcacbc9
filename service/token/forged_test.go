package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/service"
	"latchkey/service/jose"
	"latchkey/service/token"
)

// TestVerify_RefusesForgedSignatures tries signatures that an attacker can make without the private
// key, for each algorithm with a public key. The kid, the claims and the type are always right.
func TestVerify_RefusesForgedSignatures(t *testing.T) {
	tried := 0
	for _, a := range []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256} {
		private := generateSigner(t, a)
		key, err := jose.NewKey("", private)
		apptest.Must(t, err)
		tokens := apptest.NewMinter(t, key)
		good := apptest.MintAccess(t, tokens, token.Subject{UserID: "u", SessionID: "s", ClientID: token.ClientAPI})
		if _, err := tokens.VerifyAccess(good); err != nil {
			t.Fatalf("%s: the token that all others differ from: %v", a, err)
		}
		parts := strings.Split(string(good), ".")
		var header map[string]string
		b, err := base64.RawURLEncoding.DecodeString(parts[0])
		apptest.Must(t, err)
		apptest.Must(t, json.Unmarshal(b, &header))
		encode := base64.RawURLEncoding.EncodeToString
		with := func(alg string) string {
			b, err := json.Marshal(map[string]string{"alg": alg, "typ": header["typ"], "kid": header["kid"]})
			apptest.Must(t, err)
			return encode(b) + "." + parts[1]
		}
		public := private.Public()
		cases := map[string]string{}
		for _, none := range []string{"none", "None", "NONE", "nOnE", ""} {
			for name, signature := range map[string]string{"": "", " and the old signature": parts[2], " and a dot": "."} {
				cases["alg "+none+name] = with(none) + "." + signature
			}
		}
		// RS to HS confusion: the public key, in a common storage format, as the secret.
		for name, key := range asSecrets(t, public) {
			for _, alg := range []string{"HS256", string(a)} {
				mac := hmac.New(sha256.New, key)
				mac.Write([]byte(with(alg)))
				cases["HMAC with the public key, "+name+", alg "+alg] = with(alg) + "." + encode(mac.Sum(nil))
			}
		}
		for _, alg := range []string{"HS256", "EdDSA", "ES256", "RS256", "PS256", "ES384", "RS512", "Ed25519", "es256"} {
			if alg != string(a) {
				cases["the good signature, alg "+alg] = with(alg) + "." + parts[2]
			}
		}
		size := map[jose.Algorithm]int{jose.EdDSA: 64, jose.ES256: 64, jose.RS256: 256}[a]
		for name, signature := range map[string][]byte{
			"all zero (CVE-2022-21449)": make([]byte, size), "empty": {}, "short": make([]byte, size-1), "long": make([]byte, size+1),
			"all ones": []byte(strings.Repeat("\xff", size)),
		} {
			cases["signature "+name] = parts[0] + "." + parts[1] + "." + encode(signature)
		}
		if a == jose.ES256 { // (n, n): equal to (0, 0) modulo the order
			n := public.(*ecdsa.PublicKey).Params().N.Bytes()
			cases["signature of the order"] = parts[0] + "." + parts[1] + "." + encode(append(append([]byte{}, n...), n...))
			cases["ASN.1 signature"] = parts[0] + "." + parts[1] + "." + encode(append([]byte{0x30, 0x44, 0x02, 0x20}, make([]byte, 66)...))
		}
		foreign := apptest.MintAccess(t, apptest.NewMinter(t, apptest.GenerateKey(t, a)), token.Subject{UserID: "u", ClientID: token.ClientAPI})
		cases["another key and its kid"] = string(foreign)
		cases["another key and our kid"] = reheaded(parts[0], string(foreign))
		for i := range 64 { // change every part bit by bit
			at := i * (len(good) - 1) / 63
			if good[at] == '.' {
				at--
			}
			cases[fmt.Sprintf("character %d", at)] = string(good[:at]) + other64(good[at]) + string(good[at+1:])
		}
		for name, raw := range cases {
			if s, err := tokens.VerifyAccess(token.Raw(raw)); err == nil {
				t.Errorf("%s: %s: accepted as %+v", a, name, s)
			}
			tried++
		}
	}
	t.Logf("%d forged signatures tried, 0 accepted", tried)
}

// generateSigner generates key material of an algorithm.
func generateSigner(t testing.TB, a jose.Algorithm) crypto.Signer {
	t.Helper()
	var private crypto.Signer
	var err error
	switch a {
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.HS256:
		t.Fatal("HS256 has no key pair")
	}
	apptest.Must(t, err)
	return private
}

func reheaded(header, token string) string {
	_, rest, _ := strings.Cut(token, ".")
	return header + "." + rest
}

// other64 returns a different character of the base64url alphabet.
func other64(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[(strings.IndexByte(alphabet, c)+17)%64])
}

// asSecrets returns the encodings of a public key that a verifier could mistake for a secret.
func asSecrets(t *testing.T, public any) map[string][]byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	apptest.Must(t, err)
	p := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	list := map[string][]byte{"DER": der, "PEM": p, "PEM without its last line": []byte(strings.TrimSpace(string(p)))}
	switch k := public.(type) {
	case ed25519.PublicKey:
		list["raw"] = k
	case *rsa.PublicKey:
		list["raw"] = k.N.Bytes()
	}
	return list
}

// TestRing_AKeyHasOneUse signs tokens with a valid key of the wrong use.
func TestRing_AKeyHasOneUse(t *testing.T) {
	w := apptest.NewWorld(t, testserver.SQLiteStore(t), apptest.Standard)
	w.User(t, "ada")
	refresh := w.Begin(t, "ada")
	forgeable, key := apptest.ForgeableKey(t)
	tokens := apptest.NewMinter(t, forgeable)
	if s, err := tokens.VerifyAccess(refresh); err == nil {
		t.Errorf("a refresh token passed for an access token: %+v", s)
	}
	access := apptest.MintAccess(t, tokens, token.Subject{UserID: apptest.Read(t, refresh).Sub, SessionID: apptest.Read(t, refresh).SID, ClientID: token.ClientAPI})
	if _, err := w.Refresh(access); apptest.Code(err) != service.CodeRefreshInvalid {
		t.Errorf("an access token on refresh: %v", err)
	}
	// The same with the header of the other kind of token.
	parts := strings.Split(string(refresh), ".")
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"` + forgeable.ID + `","typ":"rt+jwt"}`))
	signature, err := jwt.SigningMethodHS256.Sign(header+"."+parts[1], key)
	apptest.Must(t, err)
	if _, err := w.Refresh(token.Raw(header + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature))); apptest.Code(err) != service.CodeRefreshInvalid {
		t.Errorf("a refresh token signed with the access key: %v", err)
	}
}
