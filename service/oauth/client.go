package oauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/session"
)

// The grant types that a client may use (RFC 6749 4, 6).
const (
	GrantPassword          = "password"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantAuthorizationCode = "authorization_code"
)

// Grants returns all grant types.
func Grants() []string {
	return []string{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantPassword}
}

// ScopeAccount is the one scope with a meaning in Latchkey itself: a client with this scope may use
// the account routes of the JSON API for its user.
const ScopeAccount = "account"

// ClientSecret is the secret of a client. It is shown once, and stays out of logs.
type ClientSecret string

// LogValue implements slog.LogValuer.
func (ClientSecret) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// check refuses a secret, chosen by an operator, that is easy to guess. Secrets are stored as a
// plain digest, so they must be long and random. An empty secret is valid: a secret is generated.
func (s ClientSecret) check(public bool) error {
	problem := ""
	switch distinct := map[rune]bool{}; {
	case s == "":
	case public:
		problem = "is not allowed for a public client, which cannot keep a secret"
	case !session.PlainID(string(s)) || len(s) < minClientSecret || len(s) > 200:
		problem = "must have 32 to 200 characters of A-Z, a-z, 0-9, - and _: clients disagree on how to encode other characters"
	default:
		for _, r := range string(s) {
			distinct[r] = true
		}
		if len(distinct) < 8 {
			problem = "repeats itself; generate one with: openssl rand -hex 32"
		}
	}
	if problem == "" {
		return nil
	}
	return service.FieldError(service.CodeInvalidRequest, "secret", problem)
}

const minClientSecret = 32

// hash returns the stored form of a secret.
func (s ClientSecret) hash() repository.SecretHash {
	return repository.SecretHash(sha256Hex(string(s)))
}

func sha256Hex(s string) string {
	digest := sha256.Sum256([]byte(s))
	return hex.EncodeToString(digest[:])
}

// random256 returns 256 random bits as text.
func random256() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// Client is the public description of a client.
type Client struct {
	ClientSpec
	PreviousUntil time.Time // when the previous secret expires; zero: there is none
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

func client(c repository.Client) Client {
	return Client{
		ClientSpec: ClientSpec{
			ID: c.ID, Name: c.Name, Public: c.Public, FirstParty: c.FirstParty, Disabled: c.Disabled, Grants: c.Grants,
			Scopes: c.Scopes, RedirectURIs: c.RedirectURIs, Audiences: c.Audiences, PKCEOptional: c.PKCEOptional, Managed: c.Managed, AccessTTL: c.AccessTTL, IdleTTL: c.IdleTTL, AbsoluteTTL: c.AbsoluteTTL,
		},
		PreviousUntil: c.PreviousUntil, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func policyOf(c repository.Client, audience string) session.ClientPolicy {
	return session.ClientPolicy{ClientID: c.ID, Audience: audience, Scopes: c.Scopes, AccessTTL: c.AccessTTL, IdleTTL: c.IdleTTL, AbsoluteTTL: c.AbsoluteTTL}
}

// Clients manages the OAuth clients.
type Clients struct {
	store  repository.Clients
	now    func() time.Time
	audit  *audit.Log
	scopes scopeCache
}

// NewClients returns a Clients for the clients in a store.
func NewClients(store repository.Clients, now func() time.Time, audit *audit.Log) *Clients {
	return &Clients{store: store, now: now, audit: audit}
}

// Create adds a client and returns its secret: the given secret, or a generated one if it is empty.
// A public client has no secret. The store keeps only a hash. It returns invalid_request with the
// fields concerned, and client_taken if the ID is in use or was used before. The caller by is zero
// for the operator.
func (c *Clients) Create(ctx context.Context, spec ClientSpec, secret ClientSecret, by account.Caller, from audit.Origin) (Client, ClientSecret, error) {
	if spec.ID == "" {
		spec.ID = strings.ToLower(rand.Text()[:16])
	}
	if err := spec.check(); err != nil {
		return Client{}, "", err
	}
	if err := secret.check(spec.Public); err != nil {
		return Client{}, "", err
	}
	now := c.now()
	record := spec.record()
	record.CreatedAt, record.UpdatedAt = now, now
	if !spec.Public {
		secret = cmp.Or(secret, ClientSecret(random256()))
		record.Secret = secret.hash()
	}
	a := c.record(from, repository.AuditClientCreated, spec.ID, by)
	err := c.store.CreateClient(ctx, record, by.Caller, a)
	if errors.Is(err, repository.ErrExists) {
		return Client{}, "", service.FieldError(service.CodeClientTaken, "id", "is taken, or belonged to a deleted client: choose another id")
	}
	return client(record), secret, c.done(ctx, "create a client", a, err)
}

// Find returns a client. It returns not_found for an unknown ID.
func (c *Clients) Find(ctx context.Context, id string) (Client, error) {
	record, err := session.FindClient(ctx, c.store, id)
	if err != nil {
		return Client{}, clientError("find a client", err)
	}
	return client(record), nil
}

// List returns at most limit clients with an ID greater than after.
func (c *Clients) List(ctx context.Context, after string, limit int) ([]Client, error) {
	if !session.PlainID(after) {
		return nil, service.FieldError(service.CodeInvalidRequest, "after", "must be the id of a client")
	}
	records, err := c.store.ListClients(ctx, after, limit)
	if err != nil {
		return nil, service.StoreFailure("list clients", err)
	}
	list := make([]Client, len(records))
	for i, r := range records {
		list[i] = client(r)
	}
	return list, nil
}

// Change applies a change to the specification of a client, except its ID and whether it is public.
func (c *Clients) Change(ctx context.Context, id string, change func(*ClientSpec), by account.Caller, from audit.Origin) (Client, error) {
	for range clientRetries { // another process may change it meanwhile
		was, err := session.FindClient(ctx, c.store, id)
		if err != nil {
			return Client{}, clientError("find a client to change", err)
		}
		if err := notManaged(was); err != nil {
			return Client{}, err
		}
		spec := client(was).ClientSpec
		change(&spec)
		spec.ID, spec.Public, spec.Managed = was.ID, was.Public, was.Managed
		if err := spec.check(); err != nil {
			return Client{}, err
		}
		changed, err := c.update(ctx, was, spec, by, from)
		if errors.Is(err, errChanged) {
			continue
		}
		return changed, err
	}
	return Client{}, service.StoreFailure("change a client", repository.ErrUnavailable)
}

// clientRetries is the maximum number of retries of a change that conflicts with another process's.
const clientRetries = 5

// errChanged is the error for a client that another process has changed or deleted since it was
// read.
var errChanged = errors.New("the client has changed")

// update writes a client according to a checked specification, if the stored client has not changed
// since it was read.
func (c *Clients) update(ctx context.Context, was repository.Client, spec ClientSpec, by account.Caller, from audit.Origin) (Client, error) {
	record := spec.record()
	record.CreatedAt, record.PreviousUntil = was.CreatedAt, was.PreviousUntil
	if record.UpdatedAt = c.now(); !record.UpdatedAt.After(was.UpdatedAt) {
		record.UpdatedAt = was.UpdatedAt.Add(time.Microsecond)
	}
	a := c.record(from, repository.AuditClientChanged, was.ID, by)
	err := c.store.UpdateClient(ctx, record, was.UpdatedAt, by.Caller, a)
	if errors.Is(err, repository.ErrNotFound) {
		return Client{}, errChanged
	}
	return client(record), c.done(ctx, "change a client", a, err)
}

// notManaged refuses a change of a client that the operator's file describes, because the next
// start would undo the change.
func notManaged(c repository.Client) error {
	if !c.Managed {
		return nil
	}
	return service.FieldError(service.CodeInvalidRequest, "client", "is described in oauth.clients_file: change it there, or remove it from the file and run latchkey client apply")
}

// KeepSecret is the default time for which the previous secret stays valid.
const KeepSecret = 24 * time.Hour

const maxKeepSecret = 30 * 24 * time.Hour

// RotateSecret gives a client a new secret: the given secret, or a generated one if it is empty.
// The previous secret stays valid for keep, so that the client's servers can switch one by one.
func (c *Clients) RotateSecret(ctx context.Context, id string, secret ClientSecret, keep time.Duration, by account.Caller, from audit.Origin) (ClientSecret, error) {
	if err := secret.check(false); err != nil {
		return "", err
	}
	if keep < 0 || keep > maxKeepSecret {
		return "", service.FieldError(service.CodeInvalidRequest, "keep", "must be between 0 and 30 days")
	}
	was, err := session.FindClient(ctx, c.store, id)
	if err == nil {
		err = notManaged(was)
	} else {
		err = clientError("find a client to change", err)
	}
	if err != nil {
		return "", err
	}
	if secret != "" && secret.hash() == was.Secret {
		return secret, nil // already the current secret; the previous one keeps its expiry
	}
	return c.rotate(ctx, id, cmp.Or(secret, ClientSecret(random256())), keep, by, from)
}

func (c *Clients) rotate(ctx context.Context, id string, secret ClientSecret, keep time.Duration, by account.Caller, from audit.Origin) (ClientSecret, error) {
	a := c.record(from, repository.AuditClientSecret, id, by)
	err := c.store.RotateClientSecret(ctx, id, secret.hash(), a.At.Add(keep), a.At, by.Caller, a)
	return secret, c.done(ctx, "rotate the secret of a client", a, err)
}

// Delete deletes a client permanently. Its sessions can no longer be refreshed.
func (c *Clients) Delete(ctx context.Context, id string, by account.Caller, from audit.Origin) error {
	was, err := session.FindClient(ctx, c.store, id)
	if err != nil {
		return clientError("find a client to delete", err)
	}
	if err := notManaged(was); err != nil {
		return err
	}
	a := c.record(from, repository.AuditClientDeleted, id, by)
	return c.done(ctx, "delete a client", a, c.store.DeleteClient(ctx, id, a.At, by.Caller, a))
}

func (c *Clients) record(from audit.Origin, event repository.AuditEvent, id string, by account.Caller) repository.AuditRecord {
	a := from.Record(c.now(), event, "ok")
	a.ClientID, a.ActorID = id, by.UserID
	return a
}

// done logs a change, or converts an error of the store.
func (c *Clients) done(ctx context.Context, doing string, a repository.AuditRecord, err error) error {
	if err != nil {
		return clientError(doing, err)
	}
	c.audit.Committed(ctx, a)
	return nil
}

func clientError(doing string, err error) error {
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.NewError(service.CodeNotFound, "The client does not exist.")
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	}
	return service.StoreFailure(doing, err)
}

// ClientCredentials are the credentials of a client (RFC 6749 2.3).
type ClientCredentials struct {
	ID     string
	Secret ClientSecret // empty: none was sent
}

// AuthenticatedClient is a client that has authenticated.
type AuthenticatedClient struct{ record repository.Client }

// Public reports whether the client is public: it cannot keep a secret.
func (a AuthenticatedClient) Public() bool { return a.record.Public }

// Authenticate returns the client with these credentials. It returns invalid_client for an unknown,
// deleted or disabled client, for a wrong secret, for a confidential client without a secret, and
// for a public client with one.
func (c *Clients) Authenticate(ctx context.Context, credentials ClientCredentials) (AuthenticatedClient, error) {
	found, err := session.FindClient(ctx, c.store, credentials.ID)
	if err != nil && !errors.Is(err, repository.ErrNotFound) {
		return AuthenticatedClient{}, service.StoreFailure("find a client", err)
	}
	// Make the same comparisons whether or not the client exists.
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
	return &service.Error{Code: service.CodeInvalidClient, Message: "The client is unknown, or its secret is wrong.", Err: errors.New(why)}
}
