package access_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"latchkey/middleware/access"
	"latchkey/service"
	"latchkey/service/token"
)

// issuer publishes keys and signs tokens, with other libraries than the verifier.
type issuer struct {
	server *httptest.Server
	held   chan struct{} // if it is set, responses wait until it is closed

	mu      sync.Mutex
	keys    map[string]ed25519.PrivateKey // by kid
	status  int
	fetches int
}

func newIssuer(t *testing.T, kids ...string) *issuer {
	i := &issuer{status: http.StatusOK, keys: map[string]ed25519.PrivateKey{}}
	for _, kid := range kids {
		i.add(t, kid)
	}
	return i
}

// onSockets serves the keys by HTTP.
func (i *issuer) onSockets(t *testing.T) *issuer {
	i.server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.server.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, _ *http.Request) {
	if i.held != nil {
		<-i.held
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fetches++
	var set jose.JSONWebKeySet
	for kid, key := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: "EdDSA", Use: "sig"})
	}
	w.WriteHeader(i.status)
	_ = json.NewEncoder(w).Encode(set)
}

func (i *issuer) add(t *testing.T, kid string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[kid] = key
}

func (i *issuer) answer(status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status = status
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// sign returns a token that is valid until an hour after noon.
func (i *issuer) sign(t *testing.T, kid string) token.Raw {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://auth.example", "aud": "orders", "sub": "u", "client_id": "latchkey", "jti": rand.Text(),
		"iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(), "privilege": 0,
	})
	unsigned.Header["typ"], unsigned.Header["kid"] = "at+jwt", kid
	i.mu.Lock()
	key := i.keys[kid]
	i.mu.Unlock()
	if key == nil {
		_, key, _ = ed25519.GenerateKey(rand.Reader)
	}
	signed, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token.Raw(signed)
}

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newRemote(i *issuer, c *clock) *access.Remote {
	return access.NewRemote(access.RemoteOptions{
		JWKSURL: i.server.URL, Issuer: "https://auth.example", Audience: "orders", Now: c.Now,
	})
}

// newInMemory is newRemote without a socket, for synctest bubbles.
func newInMemory(i *issuer, c *clock) *access.Remote {
	return access.NewRemote(access.RemoteOptions{
		JWKSURL: "http://auth.example/jwks", Issuer: "https://auth.example", Audience: "orders", Now: c.Now, Client: &http.Client{Transport: i},
	})
}

// RoundTrip implements http.RoundTripper.
func (i *issuer) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	i.serve(answer, req)
	return answer.Result(), nil
}

func code(err error) service.Code {
	if err == nil {
		return ""
	}
	return service.AsError(err).Code
}

func expect(t *testing.T, r access.Verifier, raw token.Raw, want service.Code) {
	t.Helper()
	if _, err := r.VerifyAccess(raw); code(err) != want {
		t.Fatalf("%q, not %q: %v", code(err), want, err)
	}
}

func TestRemote_KeysAreFetchedOnceAndCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, c := newIssuer(t, "one"), &clock{now: noon}
		r := newInMemory(i, c)
		for range 100 {
			expect(t, r, i.sign(t, "one"), "")
		}
		if n := i.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		// Old keys are fetched in the background.
		c.pass(6 * time.Minute)
		expect(t, r, i.sign(t, "one"), "")
		if synctest.Wait(); i.count() != 2 {
			t.Errorf("old keys are not fetched again: %d", i.count())
		}
	})
}

func TestRemote_UnknownKidIsFetchedAtALimitedRate(t *testing.T) {
	i, c := newIssuer(t, "one").onSockets(t), &clock{now: noon}
	r := newRemote(i, c)
	expect(t, r, i.sign(t, "one"), "")
	i.add(t, "two")
	expect(t, r, i.sign(t, "two"), service.CodeTokenInvalid) // the last fetch was a moment ago
	c.pass(11 * time.Second)
	expect(t, r, i.sign(t, "two"), "")
	before := i.count()
	for range 1000 { // any client can name any key
		expect(t, r, i.sign(t, "none"), service.CodeTokenInvalid)
	}
	if n := i.count() - before; n > 1 {
		t.Errorf("%d fetches for 1000 forged tokens", n)
	}
}

func TestRemote_ConcurrentRequestsShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, c := newIssuer(t, "one"), &clock{now: noon}
		i.held = make(chan struct{})
		r := newInMemory(i, c)
		raw := i.sign(t, "one")
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := r.VerifyAccess(raw); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // until all of them wait
		close(i.held)
		all.Wait()
		if n := i.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestRemote_UnreachableIssuerKeepsTheLastKeys(t *testing.T) {
	i, c := newIssuer(t, "one").onSockets(t), &clock{now: noon}
	i.answer(http.StatusBadGateway)
	r := newRemote(i, c)
	good := i.sign(t, "one")
	expect(t, r, good, service.CodeStoreUnavailable) // 503, and never 401
	i.answer(http.StatusOK)
	c.pass(1100 * time.Millisecond) // as soon as Retry-After says
	expect(t, r, good, "")
	i.answer(http.StatusBadGateway)
	c.pass(30 * time.Minute) // the last keys remain in use
	expect(t, r, i.sign(t, "one"), "")
	i.server.Close()
	c.pass(11 * time.Second)
	expect(t, r, i.sign(t, "one"), "")
	expect(t, r, i.sign(t, "none"), service.CodeTokenInvalid)
}

func TestRemote_RemovedKeyIsRefusedAfterTheNextFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, c := newIssuer(t, "one", "two"), &clock{now: noon}
		r := newInMemory(i, c)
		raw := i.sign(t, "two")
		expect(t, r, raw, "")
		expect(t, r, raw, "") // remembered
		i.mu.Lock()
		delete(i.keys, "two")
		i.mu.Unlock()
		c.pass(6 * time.Minute)
		_, _ = r.VerifyAccess(raw) // starts a fetch, and does not wait
		synctest.Wait()
		expect(t, r, raw, service.CodeTokenInvalid)
	})
}

func TestRemote_FirstRequestAfterAPauseWaitsForTheKeys(t *testing.T) {
	i, c := newIssuer(t, "one", "two").onSockets(t), &clock{now: noon}
	r := newRemote(i, c)
	raw := i.sign(t, "two")
	expect(t, r, raw, "")
	i.mu.Lock()
	delete(i.keys, "two")
	i.mu.Unlock()
	c.pass(30 * time.Minute)
	expect(t, r, raw, service.CodeTokenInvalid)
}

func TestRemote_NewKeyIsAcceptedWhileItIsFetched(t *testing.T) {
	i, c := newIssuer(t, "0").onSockets(t), &clock{now: noon}
	r := newRemote(i, c)
	expect(t, r, i.sign(t, "0"), "")
	for round := range 50 {
		kid := strconv.Itoa(round + 1)
		i.add(t, kid)
		raw := i.sign(t, kid)
		c.pass(11 * time.Second)
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				if _, err := r.VerifyAccess(raw); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		all.Wait()
	}
}

func TestStatic_AudiencesAreSeparate(t *testing.T) {
	i := newIssuer(t, "one")
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.keys["one"].Public(), KeyID: "one"}}})
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: noon}
	orders, err := access.NewStatic(set, "https://auth.example", "orders", c.Now)
	if err != nil {
		t.Fatal(err)
	}
	billing, err := access.NewStatic(set, "https://auth.example", "billing", c.Now)
	if err != nil {
		t.Fatal(err)
	}
	raw := i.sign(t, "one")
	expect(t, orders, raw, "")
	expect(t, billing, raw, service.CodeTokenInvalid)
	if _, err := access.NewStatic([]byte(`{}`), "a", "b", nil); err == nil {
		t.Error("no key set was read")
	}
}
