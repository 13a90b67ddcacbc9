package keys_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/jose"
	"latchkey/service/keys"
	"latchkey/service/mail"
	"latchkey/service/oauth"
	"latchkey/service/secret"
	"latchkey/service/session"
	"latchkey/service/token"
)

func keyPolicy(a jose.Algorithm) keys.Policy {
	return keys.Policy{
		Algorithm: a, Publish: 5 * time.Minute, Poll: time.Second,
		Lifetime: map[keys.Use]time.Duration{keys.UseAccess: 10 * time.Minute, keys.UseRefresh: 30 * 24 * time.Hour},
	}
}

// replica is the keyring of one process. Its clock may differ from the clocks of other replicas.
type replica struct {
	*keys.Ring
	tokens *token.Minter
	clock  *settable
}

type settable struct {
	mu  sync.Mutex
	now time.Time
}

func (c *settable) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *settable) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newReplica(t testing.TB, store repository.Store, material string, policy keys.Policy) *replica {
	t.Helper()
	root, err := secret.New([]byte(material))
	apptest.Must(t, err)
	c := &settable{now: apptest.Noon}
	r := &replica{Ring: keys.NewRing(store.Keys, root, policy, apptest.ClockAt(c.Now), audit.NewLog(store.Audits, apptest.Discard()), apptest.Discard()), clock: c}
	r.tokens = token.NewMinter(root, r, "https://auth.example", "api", 10*time.Minute, apptest.ClockAt(c.Now))
	return r
}

func (r *replica) mint(t testing.TB) token.Raw {
	t.Helper()
	return apptest.MintAccess(t, r.tokens, token.Subject{UserID: "u", SessionID: "s", ClientID: token.ClientAPI})
}

func states(keys []keys.Info, use keys.Use) string {
	var list []string
	for _, k := range keys {
		if k.Use == use {
			list = append(list, string(k.State))
		}
	}
	return strings.Join(list, " ")
}

func TestRing_ReplicasThatStartTogetherAgreeOnTheKeys(t *testing.T) {
	for _, a := range []jose.Algorithm{jose.HS256, jose.EdDSA} {
		t.Run(string(a), func(t *testing.T) {
			apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
				replicas := make([]*replica, 8)
				errs := make([]error, len(replicas))
				var all sync.WaitGroup
				for i := range replicas {
					replicas[i] = newReplica(t, store, apptest.Secret, keyPolicy(a))
					all.Go(func() { errs[i] = replicas[i].Start(context.Background()) })
				}
				all.Wait()
				apptest.Must(t, errors.Join(errs...))
				for i, r := range replicas {
					apptest.Must(t, r.Load(t.Context()))
					list, err := r.List(t.Context())
					apptest.Must(t, err)
					for _, use := range []keys.Use{keys.UseAccess, keys.UseRefresh} {
						if got := states(list, use); got != "active next" {
							t.Errorf("replica %d has %s keys %s", i, use, got)
						}
					}
					if _, err := replicas[0].tokens.VerifyAccess(r.mint(t)); err != nil {
						t.Errorf("a token of replica %d: %v", i, err)
					}
				}
			})
		})
	}
}

func TestRing_StatesOfAKey(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		ctx := t.Context()
		r := newReplica(t, store, apptest.Secret, keyPolicy(jose.EdDSA))
		apptest.Must(t, r.Start(ctx))
		expect := func(want string) {
			t.Helper()
			list, err := r.List(ctx)
			apptest.Must(t, err)
			if got := states(list, keys.UseAccess); got != want {
				t.Fatalf("the keys are %s, not %s", got, want)
			}
		}
		expect("active next")
		old := r.mint(t)

		// A key signs once it has been published for long enough.
		changed, err := r.Rotate(ctx, keys.UseAccess, false, audit.Origin{})
		apptest.Must(t, err)
		if want := apptest.Noon.Add(5 * time.Minute); !changed.ActiveAt.Equal(want) || changed.State != keys.Next {
			t.Errorf("active at %s, which is %s", changed.ActiveAt, changed.State)
		}
		expect("active next next")
		r.clock.pass(5*time.Minute - time.Second)
		late := r.mint(t) // signed by the old key
		r.clock.pass(time.Second)
		expect("retired active next")
		for _, raw := range []token.Raw{old, late, r.mint(t)} {
			if _, err := r.tokens.VerifyAccess(raw); err != nil {
				t.Errorf("%v", err)
			}
		}
		// The retired key is accepted as long as one of its tokens may be valid.
		r.clock.pass(11*time.Minute - 2*time.Second)
		if _, err := r.tokens.VerifyAccess(late); apptest.Code(err) == service.CodeTokenInvalid {
			t.Errorf("a token of a retired key, in its last second: %v", err)
		}
		r.clock.pass(2 * time.Second)
		if _, err := r.tokens.VerifyAccess(late); apptest.Code(err) != service.CodeTokenExpired {
			t.Errorf("a token of a key whose time is over: %v", err) // its owner refreshes
		}
		if _, err := r.tokens.VerifyLateAccess(late, 24*time.Hour); err != nil {
			t.Errorf("a log-out with it: %v", err)
		}

		// The active key is revoked: the standby key becomes active immediately.
		before := r.mint(t)
		list, err := r.List(ctx)
		apptest.Must(t, err)
		_, err = r.Revoke(ctx, list[indexOf(list, keys.Active)].ID, audit.Origin{})
		apptest.Must(t, err)
		apptest.Must(t, r.Load(ctx))
		if _, err := r.tokens.VerifyAccess(before); apptest.Code(err) != service.CodeTokenInvalid {
			t.Errorf("a token of a revoked key: %v", err)
		}
		if _, err := r.tokens.VerifyLateAccess(before, 24*time.Hour); err == nil {
			t.Error("a late token of a revoked key")
		}
		if _, err := r.tokens.VerifyAccess(r.mint(t)); err != nil {
			t.Errorf("a token of its successor: %v", err)
		}
		expect("retired revoked active next")

		// Keys that are no longer needed are deleted.
		r.clock.pass(30*24*time.Hour + 2*time.Hour)
		apptest.Must(t, r.Start(ctx))
		expect("active next")
	})
}

func indexOf(list []keys.Info, state keys.State) int {
	for i, k := range list {
		if k.Use == keys.UseAccess && k.State == state {
			return i
		}
	}
	return -1
}

func TestRing_RotatesBySchedule(t *testing.T) {
	policy := keyPolicy(jose.ES256)
	policy.Rotation = 24 * time.Hour
	store := testserver.SQLiteStore(t)
	r := newReplica(t, store, apptest.Secret, policy)
	apptest.Must(t, r.Start(t.Context()))
	first, err := r.List(t.Context())
	apptest.Must(t, err)
	for day := range 3 {
		r.clock.pass(24*time.Hour + time.Second)
		apptest.Must(t, r.Start(t.Context()))
		apptest.Must(t, r.Load(t.Context()))
		list, err := r.List(t.Context())
		apptest.Must(t, err)
		if list[indexOf(list, keys.Active)].ID == first[indexOf(first, keys.Active)].ID {
			t.Errorf("day %d: the same key signs", day+1)
		}
		first = list
	}
}

func TestRing_KeysOfAnotherSecretAreNotUsed(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		apptest.Must(t, newReplica(t, store, apptest.Secret, keyPolicy(jose.HS256)).Start(t.Context()))
		other := newReplica(t, store, apptest.Secret+"!", keyPolicy(jose.HS256))
		err := other.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), "tokens.secret") || strings.Contains(err.Error(), apptest.Secret) {
			t.Fatalf("started: %v", err)
		}
		// The error names the command that helps.
		n, err := other.RevokeAll(t.Context(), audit.Origin{})
		apptest.Must(t, err)
		if _, err := other.tokens.VerifyAccess(other.mint(t)); err != nil || n != 4 {
			t.Errorf("%d keys revoked, then: %v", n, err)
		}
	})
}

func TestRing_StoredKeysAreEncrypted(t *testing.T) {
	store := testserver.SQLiteStore(t)
	r := newReplica(t, store, apptest.Secret, keyPolicy(jose.EdDSA))
	apptest.Must(t, r.Start(t.Context()))
	rows, err := store.Keys.ListKeys(t.Context())
	apptest.Must(t, err)
	for _, row := range rows {
		if strings.Contains(string(row.Sealed), "kty") || len(row.Sealed) < 60 {
			t.Errorf("key %s: %q", row.ID, row.Sealed)
		}
	}
	// A key cannot be unsealed under another name or use, whether or not it was unsealed under its
	// own before.
	for _, row := range rows {
		for _, use := range []keys.Use{keys.UseAccess, keys.UseRefresh} {
			for _, standby := range rows {
				if standby.Use == use && standby.Standby() {
					apptest.Must(t, store.Keys.DeleteKey(t.Context(), standby.ID))
				}
			}
			moved := row
			moved.Use, moved.ID = use, "another"
			apptest.Must(t, store.Keys.PutStandbyKey(t.Context(), moved, "", repository.AuditRecord{ID: row.ID + string(use)}))
			if err := newReplica(t, store, apptest.Secret, keyPolicy(jose.EdDSA)).Load(t.Context()); err == nil {
				t.Errorf("key %s was opened as another, for %s", row.ID, use)
			}
			apptest.Must(t, store.Keys.DeleteKey(t.Context(), "another"))
		}
	}
}

func TestRing_UnreadableKeysKeepNoRevokedKey(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		path := filepath.Join(t.TempDir(), "keys.json")
		one, err := jose.GenerateKey(jose.EdDSA)
		apptest.Must(t, err)
		text, err := one.PrivateJWK()
		apptest.Must(t, err)
		apptest.Must(t, os.WriteFile(path, []byte(`{"keys":[`+string(text)+`]}`), 0o600))
		policy := keyPolicy(jose.EdDSA)
		policy.File = func() ([]byte, error) { return os.ReadFile(path) }
		withFile := newReplica(t, store, apptest.Secret, policy)
		apptest.Must(t, withFile.Start(t.Context()))
		operator := newReplica(t, store, apptest.Secret, keyPolicy(jose.EdDSA))
		apptest.Must(t, operator.Start(t.Context()))
		without := newReplica(t, store, apptest.Secret, keyPolicy(jose.EdDSA))
		apptest.Must(t, without.Start(t.Context()))
		token := operator.mint(t)
		list, err := operator.List(t.Context())
		apptest.Must(t, err)

		// This replica cannot unseal one record, and a file is half written.
		if _, err := newReplica(t, store, apptest.Secret+"!", keyPolicy("")).Add(t.Context(), jose.Key{Algorithm: jose.ES256}, keys.UseAccess, audit.Origin{}); err == nil {
			t.Error("a key was added under another root secret")
		}
		for _, k := range list {
			if k.State == keys.Next && k.Use == keys.UseAccess {
				apptest.Must(t, store.Keys.DeleteKey(t.Context(), k.ID))
			}
		}
		elsewhere := testserver.SQLiteStore(t)
		apptest.Must(t, newReplica(t, elsewhere, apptest.Secret+"!", keyPolicy("")).Start(t.Context()))
		rows, err := elsewhere.Keys.ListKeys(t.Context())
		apptest.Must(t, err)
		for _, row := range rows {
			if row.Use == keys.UseAccess && row.Standby() {
				apptest.Must(t, store.Keys.PutStandbyKey(t.Context(), row, "", repository.AuditRecord{ID: "0192a4b2-0000-7000-8000-0000000000ff", At: apptest.Noon}))
			}
		}
		apptest.Must(t, os.WriteFile(path, []byte(`{"keys":[`), 0o600))
		for _, k := range list {
			if k.State == keys.Active {
				apptest.Must(t, store.Keys.RevokeKey(t.Context(), k.ID, apptest.Noon, repository.AuditRecord{ID: "0192a4b2-0000-7000-8000-00000000000" + string(k.Use[0]%10+'0'), At: apptest.Noon}))
			}
		}
		if err := without.Load(t.Context()); err == nil {
			t.Error("a key that cannot be opened is not told of")
		}
		if _, err := without.tokens.VerifyAccess(token); apptest.Code(err) != service.CodeTokenInvalid {
			t.Errorf("a token of a revoked key: %v", err)
		}
		if err := withFile.Load(t.Context()); err == nil {
			t.Error("half a file is not told of")
		}
		now := withFile.KeySet().Keys(apptest.Noon)
		if got := states(now, keys.UseRefresh); !strings.Contains(got, "revoked") || states(now, keys.UseAccess) != "active" {
			t.Errorf("refresh keys %s, of the file %s", got, states(now, keys.UseAccess))
		}
	})
}

func TestRing_KeyThatCannotBeReadBackIsNotStored(t *testing.T) {
	three, err := rsa.GenerateMultiPrimeKey(rand.Reader, 3, 2048) //nolint:staticcheck // people have them
	apptest.Must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(three)
	apptest.Must(t, err)
	if _, err := jose.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err == nil {
		t.Error("a key of three primes")
	}
	for _, kid := range []string{"a&b", "a b", "a\"b", "a\\b", "\x1b[31m", "käse", strings.Repeat("a", 200)} {
		text, err := json.Marshal(map[string]string{"kty": "oct", "kid": kid, "k": strings.Repeat("A", 43)})
		apptest.Must(t, err)
		if _, err := jose.ParseKey(text); err == nil {
			t.Errorf("kid %q", kid)
		}
	}
}

// TestRing_UnknownKeyThatMayBeNewIsUnavailable tests a replica that has not read the keys for a
// while and receives a token of a newer key.
func TestRing_UnknownKeyThatMayBeNewIsUnavailable(t *testing.T) {
	store := testserver.SQLiteStore(t)
	late, other := newReplica(t, store, apptest.Secret, keyPolicy(jose.EdDSA)), newReplica(t, store, apptest.Secret, keyPolicy(jose.EdDSA))
	apptest.Must(t, late.Start(t.Context()))
	apptest.Must(t, other.Start(t.Context()))
	_, err := other.Add(t.Context(), jose.Key{Algorithm: jose.EdDSA}, keys.UseAccess, audit.Origin{})
	apptest.Must(t, err)
	_, err = other.Rotate(t.Context(), keys.UseAccess, true, audit.Origin{})
	apptest.Must(t, err)
	other.clock.pass(time.Second)
	raw := other.mint(t)
	late.HearsNothingForTest(time.Minute)
	sessions := session.New(store, apptest.NewRoot(t), late.tokens, apptest.Standard, mail.NewComposer(apptest.NewRoot(t), false, nil, late.clock.Now), apptest.ClockAt(late.clock.Now), audit.NewLog(store.Audits, apptest.Discard()), apptest.Discard())
	_, verified := late.tokens.VerifyAccess(raw)
	_, loggedOut := sessions.Logout(t.Context(), []token.Raw{raw}, "", audit.Origin{})
	_, introspected := oauth.New(store, nil, sessions, late.tokens, apptest.ClockAt(late.clock.Now), nil, apptest.Discard()).Introspect(t.Context(), oauth.AuthenticatedClient{}, raw)
	for what, err := range map[string]error{"verify": verified, "log out": loggedOut, "introspect": introspected} {
		if apptest.Code(err) != service.CodeStoreUnavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
	apptest.Must(t, late.Load(t.Context()))
	if _, err := late.tokens.VerifyAccess(raw); err != nil {
		t.Errorf("once it has heard: %v", err)
	}
}

func TestRing_KeysFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(keys ...map[string]any) {
		b, err := json.Marshal(map[string]any{"keys": keys})
		apptest.Must(t, err)
		apptest.Must(t, os.WriteFile(path, b, 0o600))
	}
	generate := func(a jose.Algorithm, state string) map[string]any {
		k, err := jose.GenerateKey(a)
		apptest.Must(t, err)
		b, err := k.PrivateJWK()
		apptest.Must(t, err)
		var m map[string]any
		apptest.Must(t, json.Unmarshal(b, &m))
		m["state"] = state
		return m
	}
	one, two := generate(jose.RS256, "active"), generate(jose.ES256, "next")
	write(one, two)
	policy := keyPolicy(jose.HS256)
	policy.File = func() ([]byte, error) { return os.ReadFile(path) }
	r := newReplica(t, testserver.SQLiteStore(t), apptest.Secret, policy)
	apptest.Must(t, r.Start(t.Context()))
	old := r.mint(t)

	one["state"], two["state"] = "retired", "active"
	write(one, two)
	apptest.Must(t, r.Load(t.Context()))
	r.clock.pass(time.Minute)
	for _, raw := range []token.Raw{old, r.mint(t)} {
		if _, err := r.tokens.VerifyAccess(raw); err != nil {
			t.Errorf("%v", err)
		}
	}
	write(two) // removed: revoked
	apptest.Must(t, r.Load(t.Context()))
	if _, err := r.tokens.VerifyAccess(old); err == nil {
		t.Error("a key that was taken out is honoured")
	}
	if _, err := r.Rotate(t.Context(), keys.UseAccess, true, audit.Origin{}); !errors.Is(err, keys.ErrInFile) {
		t.Errorf("rotated in the database: %v", err)
	}
	if _, err := r.Rotate(t.Context(), keys.UseRefresh, true, audit.Origin{}); err != nil {
		t.Errorf("the keys for refresh tokens are in the database: %v", err)
	}
	// A file that cannot be read changes no key.
	apptest.Must(t, os.WriteFile(path, []byte(`{"keys":[`), 0o600))
	if err := r.Load(t.Context()); err == nil {
		t.Error("half a file was read")
	}
	if _, err := r.tokens.VerifyAccess(r.mint(t)); err != nil {
		t.Errorf("after it: %v", err)
	}
	for name, keys := range map[string][]map[string]any{
		"none active": {generate(jose.EdDSA, "next"), generate(jose.EdDSA, "next")},
		"two active":  {generate(jose.EdDSA, "active"), generate(jose.EdDSA, "active")},
		"a state":     {generate(jose.EdDSA, "paused")},
		"twice":       {two, two},
		"public":      {{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}},
		"a short one": {{"kty": "oct", "kid": "a", "k": "c2hvcnQ"}},
	} {
		write(keys...)
		if err := r.Load(t.Context()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseKey_ReadsPEM(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	apptest.Must(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	apptest.Must(t, err)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	apptest.Must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ed)
	apptest.Must(t, err)
	sec1, err := x509.MarshalECPrivateKey(ec)
	apptest.Must(t, err)
	for kind, der := range map[string][]byte{
		"PRIVATE KEY": pkcs8, "EC PRIVATE KEY": sec1, "RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(rs),
	} {
		k, err := jose.ParseKey(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
		apptest.Must(t, err)
		r := newReplica(t, testserver.SQLiteStore(t), apptest.Secret, keyPolicy(""))
		apptest.Must(t, r.Start(t.Context()))
		added, err := r.Add(t.Context(), k, keys.UseAccess, audit.Origin{})
		apptest.Must(t, err)
		_, err = r.Rotate(t.Context(), keys.UseAccess, true, audit.Origin{})
		apptest.Must(t, err)
		apptest.Must(t, r.Load(t.Context()))
		if _, err := r.tokens.VerifyAccess(r.mint(t)); err != nil || added.ID != k.ID {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "public": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
		"an object": `{"a":1}`, "P-384": `{"kty":"EC","crv":"P-384"}`,
	} {
		if _, err := jose.ParseKey([]byte(text)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

// TestRing_DeploymentsWithOneSecretShareNoKey tests a copy of a deployment, for example for
// staging, with the same root secret.
func TestRing_DeploymentsWithOneSecretShareNoKey(t *testing.T) {
	for _, algorithm := range []jose.Algorithm{jose.HS256, jose.ES256} {
		one := newReplica(t, testserver.SQLiteStore(t), apptest.Secret, keyPolicy(algorithm))
		two := newReplica(t, testserver.SQLiteStore(t), apptest.Secret, keyPolicy(algorithm))
		apptest.Must(t, one.Start(t.Context()))
		apptest.Must(t, two.Start(t.Context()))
		for _, a := range one.KeySet().Keys(apptest.Noon) {
			for _, b := range two.KeySet().Keys(apptest.Noon) {
				if a.ID == b.ID {
					t.Errorf("%s: both have the key %s", algorithm, a.ID)
				}
			}
		}
		if _, err := two.tokens.VerifyAccess(one.mint(t)); err == nil {
			t.Errorf("%s: one accepts a token of the other", algorithm)
		}
	}
}

// TestAlgorithm_NewInstallationsHaveES256 tests that common verifiers work with a new installation,
// and that an installation with other keys keeps its algorithm.
func TestAlgorithm_NewInstallationsHaveES256(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		r := newReplica(t, store, apptest.Secret, keyPolicy(""))
		apptest.Must(t, r.Start(t.Context()))
		if got := algorithms(t, r); got != "active:ES256 next:ES256" {
			t.Errorf("a new installation has %s", got)
		}
	})
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		ctx := t.Context()
		old := newReplica(t, store, apptest.Secret, keyPolicy(jose.HS256))
		apptest.Must(t, old.Start(ctx))
		r := newReplica(t, store, apptest.Secret, keyPolicy(""))
		apptest.Must(t, r.Start(ctx))
		if _, err := r.Rotate(ctx, keys.UseAccess, true, audit.Origin{}); err != nil {
			t.Fatal(err)
		}
		r.clock.pass(time.Second)
		if got := algorithms(t, r); got != "retired:HS256 active:HS256 next:HS256" {
			t.Errorf("an installation with HS256 has %s", got)
		}
		// A key that an operator adds stays.
		_, err := r.Add(ctx, jose.Key{Algorithm: jose.EdDSA}, keys.UseAccess, audit.Origin{})
		apptest.Must(t, err)
		_, err = r.Rotate(ctx, keys.UseAccess, true, audit.Origin{})
		apptest.Must(t, err)
		r.clock.pass(time.Hour)
		apptest.Must(t, r.Start(ctx))
		if got := algorithms(t, r); !strings.HasSuffix(got, "active:EdDSA next:EdDSA") {
			t.Errorf("after a rotation to EdDSA by hand: %s", got)
		}
	})
}

// TestAlgorithm_AChangeOfTheSettingRotates tests a change from HS256 to ES256: the new key is
// published before it signs, and tokens of both algorithms are accepted throughout.
func TestAlgorithm_AChangeOfTheSettingRotates(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		ctx := t.Context()
		old := newReplica(t, store, apptest.Secret, keyPolicy(jose.HS256))
		apptest.Must(t, old.Start(ctx))
		before := old.mint(t)
		old.clock.pass(time.Hour)
		r := newReplica(t, store, apptest.Secret, keyPolicy(jose.ES256))
		r.clock.pass(time.Hour)
		apptest.Must(t, r.Start(ctx))
		if got := algorithms(t, r); got != "active:HS256 next:ES256" {
			t.Fatalf("at the start it has %s", got)
		}
		if jwks, err := r.KeySet().JWKS(r.clock.Now()); err != nil || !strings.Contains(string(jwks), "P-256") {
			t.Errorf("the new key is not published: %s %v", jwks, err)
		}
		// A replica that still has the old setting does not remove the key.
		apptest.Must(t, old.Start(ctx))
		r.clock.pass(5*time.Minute - time.Second)
		apptest.Must(t, r.Start(ctx))
		if got := algorithms(t, r); got != "active:HS256 next:ES256" {
			t.Errorf("before it is known everywhere: %s", got)
		}
		r.clock.pass(2 * time.Second)
		apptest.Must(t, r.Start(ctx))
		if got := algorithms(t, r); got != "retired:HS256 active:ES256 next:ES256" {
			t.Errorf("after it was published: %s", got)
		}
		apptest.Must(t, old.Start(ctx))
		for _, token := range []token.Raw{r.mint(t), old.mint(t)} {
			if _, err := r.tokens.VerifyAccess(token); err != nil {
				t.Errorf("a token: %v", err)
			}
		}
		if _, err := r.tokens.VerifyAccess(before); err == nil {
			t.Error("a token of an hour ago is good")
		}
		_, err := r.Add(ctx, jose.Key{Algorithm: jose.EdDSA}, keys.UseAccess, audit.Origin{})
		if err == nil || !strings.Contains(err.Error(), "tokens.algorithm is ES256") {
			t.Errorf("a key of another algorithm than the setting's: %v", err)
		}
	})
}

// TestAlgorithm_AChangeThatWasTakenBackLeavesNoKeyBehind sets another algorithm, then the old one
// again. No later rotation or revocation may change the algorithm.
func TestAlgorithm_AChangeThatWasTakenBackLeavesNoKeyBehind(t *testing.T) {
	apptest.OnBoth(t, func(t *testing.T, store repository.Store) {
		ctx := t.Context()
		at := time.Duration(0)
		replicaWith := func(a jose.Algorithm, passed time.Duration) *replica {
			at += passed
			r := newReplica(t, store, apptest.Secret, keyPolicy(a))
			r.clock.pass(at)
			apptest.Must(t, r.Start(ctx))
			return r
		}
		replicaWith(jose.ES256, 0)
		r := replicaWith(jose.HS256, time.Hour)
		if got := algorithms(t, r); got != "active:ES256 next:HS256" {
			t.Fatalf("with another setting it has %s", got)
		}
		r = replicaWith(jose.ES256, time.Second)
		if _, err := r.Rotate(ctx, keys.UseAccess, true, audit.Origin{}); err != nil {
			t.Fatal(err)
		}
		r.clock.pass(time.Second)
		if got := algorithms(t, r); got != "retired:ES256 active:ES256 next:ES256" {
			t.Errorf("after a rotation at once it has %s", got)
		}
		replicaWith(jose.HS256, time.Hour)
		r = replicaWith(jose.ES256, time.Hour)
		if got := algorithms(t, r); !strings.HasSuffix(got, "active:ES256 next:ES256") {
			t.Errorf("an hour later it has %s", got)
		}
	})
}

// TestKeysFile_ThatIsEmptyIsNoSetOfKeys tests that a service without a key does not start.
func TestKeysFile_ThatIsEmptyIsNoSetOfKeys(t *testing.T) {
	policy := keyPolicy("")
	policy.File = func() ([]byte, error) { return nil, nil }
	r := newReplica(t, testserver.SQLiteStore(t), apptest.Secret, policy)
	if err := r.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "tokens.keys_file") {
		t.Errorf("an empty file: %v", err)
	}
	if r.Current() {
		t.Error("a key that is not in the set is called foreign, while the file cannot be read")
	}
}

// algorithms returns the algorithms of the keys for access tokens, by state.
func algorithms(t *testing.T, r *replica) string {
	t.Helper()
	list, err := r.List(t.Context())
	apptest.Must(t, err)
	var found []string
	for _, k := range list {
		if k.Use == keys.UseAccess {
			found = append(found, string(k.State)+":"+string(k.Algorithm))
		}
	}
	return strings.Join(found, " ")
}

// TestParseKey_ReadsWhatOpensslWrites parses files that contain more than the key, and refuses
// files without exactly one key.
func TestParseKey_ReadsWhatOpensslWrites(t *testing.T) {
	openssl := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("openssl", args...).Output()
		apptest.Must(t, err)
		return string(out)
	}
	ec := openssl("ecparam", "-name", "prime256v1", "-genkey") // EC PARAMETERS, then EC PRIVATE KEY
	ed := openssl("genpkey", "-algorithm", "ed25519")
	for name, text := range map[string]string{"ecparam -genkey": ec, "genpkey": ed, "with words around": "Bag Attributes\n" + ed + "\nend\n"} {
		if _, err := jose.ParseKey([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, text := range map[string]string{
		"two private keys":     ec + ed,
		"holds no private key": openssl("ecparam", "-name", "prime256v1"),
		"has a passphrase":     openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x"),
	} {
		if _, err := jose.ParseKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestParseKey_TheHalvesOfAJWKBelongTogether tests a JWK whose public half does not match its
// signatures: it is refused.
func TestParseKey_TheHalvesOfAJWKBelongTogether(t *testing.T) {
	for _, a := range []jose.Algorithm{jose.ES256, jose.EdDSA, jose.RS256} {
		one, err := jose.GenerateKey(a)
		apptest.Must(t, err)
		two, err := jose.GenerateKey(a)
		apptest.Must(t, err)
		members := func(k jose.Key) map[string]any {
			text, err := k.PrivateJWK()
			apptest.Must(t, err)
			m := map[string]any{}
			apptest.Must(t, json.Unmarshal(text, &m))
			return m
		}
		good, other := members(one), members(two)
		delete(good, "kid")
		text, err := json.Marshal(good)
		apptest.Must(t, err)
		if _, err := jose.ParseKey(text); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		for _, member := range []string{"x", "y", "n"} {
			if good[member] == nil {
				continue
			}
			for _, change := range []any{other[member], nil} {
				mixed := map[string]any{}
				for k, v := range good {
					mixed[k] = v
				}
				if mixed[member] = change; change == nil {
					delete(mixed, member)
				}
				text, err := json.Marshal(mixed)
				apptest.Must(t, err)
				if _, err := jose.ParseKey(text); err == nil {
					t.Errorf("%s with the %s of another key, or without: accepted", a, member)
				}
			}
		}
	}
}
