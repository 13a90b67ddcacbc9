package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/service"
	"latchkey/service/keys"
	"latchkey/service/token"
)

// RemoteOptions configure where the public keys of an issuer are. Zero values mean the
// defaults.
type RemoteOptions struct {
	JWKSURL  string
	Issuer   string // the iss of valid tokens
	Audience string // the aud of valid tokens
	// Client fetches the keys, each time within 5 s; nil: a client that follows no redirect.
	Client *http.Client
	// MaxAge is the age at which the keys are fetched again in the background: 5 minutes. At twice
	// that age a request waits for the fetch. A key that the issuer has revoked is accepted at most
	// that long, unless the issuer is unavailable.
	MaxAge time.Duration
	// Pause is the minimum time between two fetches: 10 s. A token with an unknown kid causes a
	// fetch, and any client can make such tokens.
	Pause time.Duration
	// Leeway is the time after its expiry during which a token is accepted, at most a minute: 30 s,
	// for a clock that is behind the issuer's clock. Negative: none.
	Leeway time.Duration
	// Now is the clock; nil: the system clock.
	Now func() time.Time
}

// Remote verifies access tokens with the JWK Set of an issuer. It caches the set. It fetches
// the set at first use, when the set is old, and when a token names a key that is not in the
// set. While the issuer is unavailable the last set remains in use.
type Remote struct {
	o        RemoteOptions
	verifier *token.Verifier
	set      atomic.Pointer[keys.Set]
	// fetched is the time of the last successful fetch, with its monotonic reading: a clock that is
	// set back must not extend the use of keys.
	fetched atomic.Pointer[time.Time]

	mu    sync.Mutex
	next  time.Time  // earliest time of the next fetch
	under *fetchCall // the current fetch
}

// fetchCall is one fetch, shared by all callers that wait for it.
type fetchCall struct {
	done chan struct{}
	err  error
}

const (
	maxJWKS      = 256 << 10 // bytes
	fetchTimeout = 5 * time.Second
)

// NewRemote returns a verifier. It fetches nothing yet.
func NewRemote(o RemoteOptions) *Remote {
	if o.Client == nil {
		o.Client = &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if o.MaxAge == 0 {
		o.MaxAge = 5 * time.Minute
	}
	if o.Pause == 0 {
		o.Pause = 10 * time.Second
	}
	if o.Leeway == 0 {
		o.Leeway = token.RemoteLeeway
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default for programs that have no clock of their own
	}
	r := &Remote{o: o}
	r.verifier = token.NewVerifier(r, o.Issuer, o.Audience, max(0, o.Leeway), o.Now)
	return r
}

// KeySet implements token.KeySource.
func (r *Remote) KeySet() *keys.Set { return r.set.Load() }

// VerifyAccess implements Verifier. It returns store_unavailable if there are no keys at all. A
// valid token is never refused as invalid because the issuer is unavailable.
func (r *Remote) VerifyAccess(raw RawToken) (Subject, error) {
	before := r.set.Load()
	switch age := r.age(); {
	case before == nil:
		if err := r.wait(); r.set.Load() == nil {
			return Subject{}, keysUnavailable(err)
		}
	case age > 2*r.o.MaxAge:
		_ = r.wait() // an error keeps the current keys
	case age > r.o.MaxAge:
		r.start()
	}
	before = r.set.Load()
	s, err := r.verifier.VerifyAccess(raw)
	if !errors.Is(err, keys.ErrUnknown) {
		return s, err
	}
	if _ = r.wait(); r.set.Load() == before {
		return s, err
	}
	return r.verifier.VerifyAccess(raw)
}

// Current implements token.KeySource. It always returns true, because VerifyAccess fetches
// unknown keys.
func (r *Remote) Current() bool { return true }

// wait starts a fetch, if one is due, and returns when it is complete.
func (r *Remote) wait() error {
	call := r.start()
	if call == nil {
		return errors.New("unknown key, and the key set was fetched just now")
	}
	<-call.done // bounded by fetchTimeout
	return call.err
}

// start returns the current fetch, or starts one. It returns nil if it is too early for another
// fetch.
func (r *Remote) start() *fetchCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.under != nil {
		return r.under
	}
	if now := r.o.Now(); now.Before(r.next) {
		return nil
	}
	call := &fetchCall{done: make(chan struct{})}
	r.under = call
	go func() {
		call.err = r.fetch()
		pause := r.o.Pause
		if r.set.Load() == nil { // every caller waits
			pause = min(pause, time.Second)
		}
		r.mu.Lock()
		r.under, r.next = nil, r.o.Now().Add(pause)
		r.mu.Unlock()
		close(call.done)
	}()
	return call
}

func (r *Remote) fetch() error {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.o.JWKSURL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.o.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the key set endpoint returned status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKS))
	if err != nil {
		return err
	}
	if !r.set.Load().Same(text) { // otherwise the verified tokens stay verified
		set, err := keys.ParseJWKS(text)
		if err != nil {
			return err
		}
		r.set.Store(set)
	}
	now := r.o.Now()
	r.fetched.Store(&now)
	return nil
}

// age returns the time since the keys were fetched.
func (r *Remote) age() time.Duration {
	if fetched := r.fetched.Load(); fetched != nil {
		return r.o.Now().Sub(*fetched)
	}
	return 0
}

func keysUnavailable(err error) error {
	return &service.Error{
		Code: service.CodeStoreUnavailable, Message: "The keys that verify access tokens are unavailable. Try again in a moment.",
		Err: fmt.Errorf("fetch the key set: %w", err), RetryAfter: time.Second,
	}
}

// NewStatic returns a verifier with a JWK Set in memory. If now is nil it uses the system
// clock.
func NewStatic(jwks []byte, issuer, audience string, now func() time.Time) (Verifier, error) {
	set, err := keys.ParseJWKS(jwks)
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now //nolint:forbidigo // the default for programs that have no clock of their own
	}
	return token.NewVerifier(static{set}, issuer, audience, token.RemoteLeeway, now), nil
}

type static struct{ set *keys.Set }

// KeySet implements token.KeySource.
func (s static) KeySet() *keys.Set { return s.set }

// Current implements token.KeySource.
func (s static) Current() bool { return true }
