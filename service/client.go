package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"latchkey/repository"
)

// The grants that a client may have (RFC 6749 4, 6).
const (
	GrantPassword          = "password"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantAuthorizationCode = "authorization_code"
)

// Grants lists them.
func Grants() []string {
	return []string{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantPassword}
}

// ScopeAccount is the one scope that means something here: with it a client may
// use the account routes of the JSON API for its user.
const ScopeAccount = "account"

// ClientSecret is a client's secret, which is shown once. It stays out of logs.
type ClientSecret string

// LogValue implements slog.LogValuer.
func (ClientSecret) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// hash is how a secret is kept.
func (s ClientSecret) hash() repository.SecretHash {
	return repository.SecretHash(sha256Hex(string(s)))
}

func sha256Hex(s string) string {
	digest := sha256.Sum256([]byte(s))
	return hex.EncodeToString(digest[:])
}

// random256 is 256 random bits as text.
func random256() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b64.EncodeToString(b)
}

// ClientSpec is what an operator decides about a client.
type ClientSpec struct {
	ID           string // empty: drawn
	Name         string
	Public       bool
	FirstParty   bool
	Disabled     bool
	Grants       []string
	Scopes       []string
	RedirectURIs []string
	AccessTTL    time.Duration // 0: that of the settings; likewise the others
	IdleTTL      time.Duration
	AbsoluteTTL  time.Duration
}

// Client is a client as it may be shown.
type Client struct {
	ClientSpec
	PreviousUntil time.Time // until when the secret before this one is good; zero: there is none
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

func client(c repository.Client) Client {
	return Client{
		ClientSpec: ClientSpec{
			ID: c.ID, Name: c.Name, Public: c.Public, FirstParty: c.FirstParty, Disabled: c.Disabled, Grants: c.Grants,
			Scopes: c.Scopes, RedirectURIs: c.RedirectURIs, AccessTTL: c.AccessTTL, IdleTTL: c.IdleTTL, AbsoluteTTL: c.AbsoluteTTL,
		},
		PreviousUntil: c.PreviousUntil, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func terms(c repository.Client) Terms {
	return Terms{ClientID: c.ID, Scopes: c.Scopes, AccessTTL: c.AccessTTL, IdleTTL: c.IdleTTL, AbsoluteTTL: c.AbsoluteTTL}
}

// Clients manages the OAuth clients.
type Clients struct {
	store repository.Clients
	now   func() time.Time
	log   *slog.Logger
}

// NewClients returns the clients in a store.
func NewClients(store repository.Clients, now func() time.Time, log *slog.Logger) *Clients {
	return &Clients{store: store, now: now, log: log}
}

// Create adds a client and returns its secret, which is kept as a hash; a public
// client has none. Invalid_request names the fields; client_taken is for an id
// that is taken, or was. An empty actor is the operator.
func (c *Clients) Create(ctx context.Context, spec ClientSpec, actor string, from Origin) (Client, ClientSecret, error) {
	if spec.ID == "" {
		spec.ID = strings.ToLower(rand.Text()[:16])
	}
	if err := spec.check(); err != nil {
		return Client{}, "", err
	}
	now := c.now().UTC().Truncate(time.Microsecond)
	record := spec.record()
	record.CreatedAt, record.UpdatedAt = now, now
	var secret ClientSecret
	if !spec.Public {
		secret = ClientSecret(random256())
		record.Secret = secret.hash()
	}
	a := c.audit(from, repository.AuditClientCreated, spec.ID, actor)
	err := c.store.CreateClient(ctx, record, actor, a)
	if errors.Is(err, repository.ErrExists) {
		return Client{}, "", fieldError(CodeClientTaken, "id", "is taken, or was: the sessions of a client that was deleted must not become another's")
	}
	return client(record), secret, c.done(ctx, "create a client", a, err)
}

// findClient looks up what can be an id, and nothing else: a NUL is no matter for
// a store.
func findClient(ctx context.Context, clients repository.Clients, id string) (repository.Client, error) {
	if !plainID(id) {
		return repository.Client{}, repository.ErrNotFound
	}
	return clients.FindClient(ctx, id)
}

// Find returns one client, or not_found.
func (c *Clients) Find(ctx context.Context, id string) (Client, error) {
	record, err := findClient(ctx, c.store, id)
	if err != nil {
		return Client{}, clientError("find a client", err)
	}
	return client(record), nil
}

// List returns at most limit clients whose id is greater than after.
func (c *Clients) List(ctx context.Context, after string, limit int) ([]Client, error) {
	if !plainID(after) {
		return nil, fieldError(CodeInvalidRequest, "after", "must be the id of a client")
	}
	records, err := c.store.ListClients(ctx, after, limit)
	if err != nil {
		return nil, storeFailure("list clients", err)
	}
	list := make([]Client, len(records))
	for i, r := range records {
		list[i] = client(r)
	}
	return list, nil
}

// Change applies a change to what an operator decides about a client, but for its
// id and whether it is public.
func (c *Clients) Change(ctx context.Context, id string, change func(*ClientSpec), actor string, from Origin) (Client, error) {
	for range retries { // somebody else may change it meanwhile
		was, err := findClient(ctx, c.store, id)
		if err != nil {
			return Client{}, clientError("find a client to change", err)
		}
		spec := client(was).ClientSpec
		change(&spec)
		spec.ID, spec.Public = was.ID, was.Public
		if err := spec.check(); err != nil {
			return Client{}, err
		}
		record := spec.record()
		record.CreatedAt, record.PreviousUntil = was.CreatedAt, was.PreviousUntil
		if record.UpdatedAt = c.now().UTC().Truncate(time.Microsecond); !record.UpdatedAt.After(was.UpdatedAt) {
			record.UpdatedAt = was.UpdatedAt.Add(time.Microsecond)
		}
		a := c.audit(from, repository.AuditClientChanged, id, actor)
		err = c.store.UpdateClient(ctx, record, was.UpdatedAt, actor, a)
		if errors.Is(err, repository.ErrNotFound) {
			continue
		}
		return client(record), c.done(ctx, "change a client", a, err)
	}
	return Client{}, storeFailure("change a client", repository.ErrUnavailable)
}

// KeepSecret is how long the secret before stays good unless somebody says.
const KeepSecret = 24 * time.Hour

const maxKeepSecret = 30 * 24 * time.Hour

// RotateSecret gives a client a new secret. The one that it had stays good for
// keep, so that its servers can change over one by one.
func (c *Clients) RotateSecret(ctx context.Context, id string, keep time.Duration, actor string, from Origin) (ClientSecret, error) {
	if keep < 0 || keep > maxKeepSecret {
		return "", fieldError(CodeInvalidRequest, "keep", "must be between 0 and 30 days")
	}
	secret, a := ClientSecret(random256()), c.audit(from, repository.AuditClientSecret, id, actor)
	err := c.store.RotateClientSecret(ctx, id, secret.hash(), a.At.Add(keep), a.At, actor, a)
	return secret, c.done(ctx, "rotate the secret of a client", a, err)
}

// Delete removes a client for good; its sessions cannot be refreshed any more.
func (c *Clients) Delete(ctx context.Context, id, actor string, from Origin) error {
	a := c.audit(from, repository.AuditClientDeleted, id, actor)
	return c.done(ctx, "delete a client", a, c.store.DeleteClient(ctx, id, a.At, actor, a))
}

func (c *Clients) audit(from Origin, event repository.AuditEvent, id, actor string) repository.AuditRecord {
	a := from.audit(c.now().UTC().Truncate(time.Microsecond), event, "ok")
	a.ClientID, a.ActorID = id, actor
	return a
}

// done logs a change, or turns what the store said into an answer.
func (c *Clients) done(ctx context.Context, doing string, a repository.AuditRecord, err error) error {
	if err != nil {
		return clientError(doing, err)
	}
	logEvent(ctx, c.log, a)
	return nil
}

func clientError(doing string, err error) error {
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return NewError(CodeNotFound, "There is no such client.")
	case errors.Is(err, repository.ErrNotAllowed):
		return privilegeChanged()
	}
	return storeFailure(doing, err)
}

// ClientCredentials are how a client says who it is (RFC 6749 2.3).
type ClientCredentials struct {
	ID     string
	Secret ClientSecret // empty: none was sent
}

// AuthenticatedClient is a client that has proved who it is.
type AuthenticatedClient struct{ record repository.Client }

// Public reports whether it can keep no secret.
func (a AuthenticatedClient) Public() bool { return a.record.Public }

// Authenticate returns the client that credentials are of. Invalid_client for an
// unknown, deleted or disabled one, for a wrong secret, for a confidential client
// without one, and for a public client with one.
func (c *Clients) Authenticate(ctx context.Context, credentials ClientCredentials) (AuthenticatedClient, error) {
	found, err := findClient(ctx, c.store, credentials.ID)
	if err != nil && !errors.Is(err, repository.ErrNotFound) {
		return AuthenticatedClient{}, storeFailure("find a client", err)
	}
	// The same comparisons whether or not there is such a client.
	given := []byte(credentials.Secret.hash())
	current := subtle.ConstantTimeCompare(given, []byte(found.Secret))
	previous := subtle.ConstantTimeCompare(given, []byte(found.PreviousSecret))
	if !c.now().Before(found.PreviousUntil) {
		previous = 0
	}
	switch {
	case err != nil:
		return AuthenticatedClient{}, invalidClient("unknown client")
	case found.Disabled:
		return AuthenticatedClient{}, invalidClient("disabled client")
	case found.Public && credentials.Secret != "":
		return AuthenticatedClient{}, invalidClient("a secret of a public client")
	case !found.Public && current|previous == 0:
		return AuthenticatedClient{}, invalidClient("wrong secret")
	}
	return AuthenticatedClient{found}, nil
}

func invalidClient(why string) error {
	return &Error{Code: CodeInvalidClient, Message: "The client is not known, or its secret is wrong.", Err: errors.New(why)}
}

// check returns invalid_request with all that is wrong.
func (s ClientSpec) check() error {
	wrong := map[string]string{}
	if !plainID(s.ID) || len(s.ID) < 3 || len(s.ID) > 64 {
		wrong["id"] = "must have 3 to 64 characters of A-Z, a-z, 0-9, - and _"
	} else if _, err := uuid.Parse(s.ID); err == nil || s.ID == ClientAPI {
		wrong["id"] = "must be no UUID, which are users, and not " + ClientAPI
	}
	if utf8.RuneCountInString(s.Name) > 100 || strings.ContainsFunc(s.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		wrong["name"] = "must have at most 100 characters, all of which can be seen"
	}
	has := func(grant string) bool { return slices.Contains(s.Grants, grant) }
	for _, g := range s.Grants {
		if !slices.Contains(Grants(), g) {
			wrong["grants"] = "must be of " + strings.Join(Grants(), ", ")
		}
	}
	switch {
	case len(s.Grants) == 0:
		wrong["grants"] = "must not be empty: one or more of " + strings.Join(Grants(), ", ")
	case has(GrantPassword) && !s.FirstParty:
		wrong["grants"] = "may have password only for a first-party client: others must not see passwords"
	case has(GrantClientCredentials) && s.Public:
		wrong["grants"] = "may have client_credentials only for a client that can keep a secret"
	case has(GrantAuthorizationCode) && len(s.RedirectURIs) == 0:
		wrong["redirectUris"] = "must not be empty with authorization_code"
	}
	for _, scope := range s.Scopes {
		if !scopeToken(scope) {
			wrong["scopes"] = "must be words of printable ASCII without quotes and backslashes"
		}
	}
	for _, uri := range s.RedirectURIs {
		if problem := redirectProblem(uri); problem != "" {
			wrong["redirectUris"] = problem
		}
	}
	for name, ttl := range map[string]time.Duration{"accessTtl": s.AccessTTL, "idleTtl": s.IdleTTL, "absoluteTtl": s.AbsoluteTTL} {
		if ttl != 0 && (ttl < time.Minute || ttl > longestSession) {
			wrong[name] = "must be 0, or from a minute to ten years"
		}
	}
	if s.AccessTTL > MaxAccessTTL {
		wrong["accessTtl"] = "must be at most a day"
	}
	if len(s.Scopes) > 100 {
		wrong["scopes"] = "must be at most 100"
	}
	if len(s.RedirectURIs) > 50 {
		wrong["redirectUris"] = "must be at most 50"
	}
	if len(wrong) > 0 {
		return &Error{Code: CodeInvalidRequest, Message: "The client cannot be like that.", Fields: wrong}
	}
	return nil
}

// MaxAccessTTL is the longest life of an access token, whatever the settings and
// its client say.
const MaxAccessTTL = 24 * time.Hour

func (s ClientSpec) record() repository.Client {
	some := func(list []string) []string { // each once
		once := []string{}
		for _, s := range list {
			if !slices.Contains(once, s) {
				once = append(once, s)
			}
		}
		return once
	}
	return repository.Client{
		ID: s.ID, Name: s.Name, Public: s.Public, FirstParty: s.FirstParty, Disabled: s.Disabled, Grants: some(s.Grants),
		Scopes: some(s.Scopes), RedirectURIs: some(s.RedirectURIs), AccessTTL: s.AccessTTL, IdleTTL: s.IdleTTL, AbsoluteTTL: s.AbsoluteTTL,
	}
}

// plainID reports whether an id is of characters that every client encodes alike.
func plainID(id string) bool {
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// scopeToken is RFC 6749 3.3.
func scopeToken(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

// redirectProblem returns what is wrong with a redirect URI (RFC 6749 3.1.2, RFC
// 8252 7): a claimed https one, a loopback one, or one of a scheme of an app's
// own, which has a dot.
func redirectProblem(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "" || len(uri) > 500 || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "must be absolute URIs"
	case strings.Contains(uri, "#"):
		return "must have no fragment"
	case u.User != nil:
		return "must have no user name"
	case u.Host != "" && strings.ContainsFunc(u.Host, func(r rune) bool { return !plainHost(r) }):
		return "must have a host of letters, digits, dots and hyphens"
	case u.Scheme == "https" && u.Hostname() != "":
		return ""
	case u.Scheme == "http" && (loopbackIP(u.Hostname()) || u.Hostname() == "localhost"):
		return ""
	case u.Scheme == "http":
		return "must be https; http is for 127.0.0.1 and [::1], where the port is free, and for localhost"
	case strings.Contains(u.Scheme, "."):
		return ""
	}
	return "must be https, a loopback address, or of a scheme with a dot, as in com.example.app:/callback"
}

func plainHost(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-:[]", r)
}

// loopbackIP leaves out localhost, which may be somebody else (RFC 8252 8.3): its
// port is not free.
func loopbackIP(host string) bool { return host == "127.0.0.1" || host == "::1" }
