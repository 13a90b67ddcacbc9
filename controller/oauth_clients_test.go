package controller_test

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"latchkey/internal/testserver"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/oauth"
)

// oauthWorld is an instance with clients, and the configuration with which x/oauth2 reaches it.
type oauthWorld struct {
	*instance
	ctx      context.Context
	secrets  map[string]string
	requests func() int
}

func newOAuthWorld(t *testing.T) *oauthWorld {
	i, err := start(t, testserver.SQLiteStore(t), &testClock{real: true}, "tokens.algorithm=EdDSA")
	must(t, err)
	i.addAda(t)
	w := &oauthWorld{instance: i, secrets: map[string]string{}}
	counter := &counting{next: i.client(false).Transport}
	w.requests = counter.count
	w.ctx = context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: counter})
	for _, spec := range []oauth.ClientSpec{
		{ID: "shop", FirstParty: true, Grants: []string{"password", "refresh_token"}, Scopes: []string{"a", "b"}},
		{ID: "jobs", Grants: []string{"client_credentials"}, Scopes: []string{"jobs"}},
		{ID: "app", Public: true, Grants: []string{"authorization_code", "refresh_token"}, RedirectURIs: []string{"http://127.0.0.1/cb"}, Scopes: []string{"a"}},
	} {
		_, secret, err := i.Clients.Create(t.Context(), spec, "", account.Caller{}, audit.Origin{})
		must(t, err)
		w.secrets[spec.ID] = string(secret)
	}
	return w
}

// counting counts requests to the token endpoint.
type counting struct {
	next http.RoundTripper
	mu   sync.Mutex
	n    int
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/oauth/token" {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
	}
	return c.next.RoundTrip(r)
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (w *oauthWorld) config(id string, style oauth2.AuthStyle) *oauth2.Config {
	base := w.public.String()
	return &oauth2.Config{
		ClientID: id, ClientSecret: w.secrets[id], RedirectURL: "http://127.0.0.1:5555/cb",
		Endpoint: oauth2.Endpoint{AuthURL: base + "/oauth/authorize", TokenURL: base + "/oauth/token", AuthStyle: style},
	}
}

// verify checks an access token with go-oidc's key set.
func (w *oauthWorld) verify(t *testing.T, raw string) (subject string) {
	t.Helper()
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(w.ctx, w.ctx.Value(oauth2.HTTPClient).(*http.Client)), w.public.String()+"/.well-known/jwks.json")
	token, err := oidc.NewVerifier(w.public.String(), keys, &oidc.Config{ClientID: "latchkey", SupportedSigningAlgs: []string{oidc.EdDSA}}).Verify(w.ctx, raw)
	must(t, err)
	return token.Subject
}

func TestOAuth2ByPasswordWithATokenSourceSharedByTwenty(t *testing.T) {
	w := newOAuthWorld(t)
	for name, style := range map[string]oauth2.AuthStyle{"header": oauth2.AuthStyleInHeader, "params": oauth2.AuthStyleInParams, "detected": oauth2.AuthStyleAutoDetect} {
		token, err := w.config("shop", style).PasswordCredentialsToken(w.ctx, "ada", "correct horse")
		must(t, err)
		if token.Type() != "Bearer" || token.Extra("scope") != "a b" || time.Until(token.Expiry) < 9*time.Minute {
			t.Errorf("%s: %+v", name, token)
		}
		if subject := w.verify(t, token.AccessToken); len(subject) != 36 {
			t.Errorf("%s: go-oidc reads subject %q", name, subject)
		}
		token.Expiry = time.Now().Add(-time.Minute)
		source, before := w.config("shop", style).TokenSource(w.ctx, token), w.requests()
		access := make([]string, 20)
		var all sync.WaitGroup
		for i := range access {
			all.Go(func() {
				fresh, err := source.Token()
				if err != nil {
					t.Error(err)
					return
				}
				access[i] = fresh.AccessToken
			})
		}
		all.Wait()
		for _, a := range access {
			if a != access[0] || a == token.AccessToken {
				t.Errorf("%s: not one new token for all", name)
			}
		}
		if n := w.requests() - before; n != 1 {
			t.Errorf("%s: %d refreshes", name, n)
		}
	}
	_, err := w.config("shop", oauth2.AuthStyleInHeader).PasswordCredentialsToken(w.ctx, "ada", "wrong horse")
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestOAuth2_TwentyClientsWithOneTokenStayLoggedIn(t *testing.T) {
	w := newOAuthWorld(t)
	config := w.config("shop", oauth2.AuthStyleInHeader)
	token, err := config.PasswordCredentialsToken(w.ctx, "ada", "correct horse")
	must(t, err)
	token.Expiry = time.Now().Add(-time.Minute)
	refresh := make([]string, 20)
	var all sync.WaitGroup
	for i := range refresh {
		all.Go(func() {
			fresh, err := config.TokenSource(w.ctx, token).Token()
			if err != nil {
				t.Error(err)
				return
			}
			refresh[i] = fresh.RefreshToken
		})
	}
	all.Wait()
	for _, r := range refresh {
		if r != refresh[0] {
			t.Error("more than one successor")
		}
	}
}

func TestOAuth2ByClientCredentials(t *testing.T) {
	w := newOAuthWorld(t)
	config := clientcredentials.Config{ClientID: "jobs", ClientSecret: w.secrets["jobs"], TokenURL: w.public.String() + "/oauth/token", Scopes: []string{"jobs"}}
	token, err := config.Token(w.ctx)
	must(t, err)
	if token.RefreshToken != "" || w.verify(t, token.AccessToken) != "jobs" {
		t.Errorf("%+v", token)
	}
	config.ClientSecret = "wrong"
	var refused *oauth2.RetrieveError
	if _, err := config.Token(w.ctx); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" {
		t.Errorf("a wrong secret: %v", err)
	}
}

var hidden = regexp.MustCompile(`type="hidden" name="([^"]*)" value="([^"]*)"`)

func TestOAuth2ByCodeWithPKCE(t *testing.T) {
	w := newOAuthWorld(t)
	config, verifier := w.config("app", oauth2.AuthStyleInParams), oauth2.GenerateVerifier()
	browser := w.client(true)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := browser.Get(config.AuthCodeURL("state+/=&\"<", oauth2.S256ChallengeOption(verifier)))
	must(t, err)
	page, err := io.ReadAll(res.Body)
	must(t, err)
	_ = res.Body.Close()
	form := url.Values{"username": {"ada"}, "password": {"correct horse"}, "decision": {"allow"}}
	for _, m := range hidden.FindAllStringSubmatch(string(page), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	res, err = browser.Post(w.public.String()+"/oauth/authorize", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	must(t, err)
	_ = res.Body.Close()
	back, err := res.Location()
	must(t, err)
	if back.Host != "127.0.0.1:5555" || back.Query().Get("state") != "state+/=&\"<" || back.Query().Get("iss") != w.public.String() {
		t.Fatalf("sent to %s", back)
	}
	token, err := config.Exchange(w.ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	must(t, err)
	w.verify(t, token.AccessToken)
	token.Expiry = time.Now().Add(-time.Minute)
	fresh, err := config.TokenSource(w.ctx, token).Token()
	must(t, err)
	if fresh.RefreshToken == token.RefreshToken {
		t.Error("not rotated")
	}
}
