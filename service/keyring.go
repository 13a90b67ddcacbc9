package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/repository"
)

// KeyPolicy is how keys come and go.
type KeyPolicy struct {
	// Algorithm is that of new keys for access tokens. Refresh tokens are
	// verified by those who sign them, and always HS256.
	Algorithm Algorithm
	// Rotation is how long a key is active before the next one is, by itself;
	// 0: until somebody says so.
	Rotation time.Duration
	// Publish is how long a key stands in the JWK Set before it signs, so that
	// whoever caches the set knows it by then.
	Publish time.Duration
	// Lifetime is that of the tokens of each use: a retired key is honoured for
	// so long.
	Lifetime map[KeyUse]time.Duration
	// Poll is the time between two looks at the database, and so how soon a key
	// that was revoked elsewhere is refused here.
	Poll time.Duration
	// File reads the keys for access tokens from elsewhere than the database;
	// nil: they are in the database.
	File func() ([]byte, error)
}

// Keyring holds the keys of this process, the same as those of every other
// replica within Poll. It implements KeySource.
type Keyring struct {
	store  repository.Keys
	root   RootKeys
	policy KeyPolicy
	now    func() time.Time
	log    *slog.Logger

	set atomic.Pointer[KeySet]

	mu       sync.Mutex // of Load
	rows     []repository.SigningKey
	file     []byte
	unsealed map[string]Key
}

// NewKeyring returns an empty keyring; Load fills it.
func NewKeyring(store repository.Keys, root RootKeys, policy KeyPolicy, now func() time.Time, log *slog.Logger) *Keyring {
	r := &Keyring{store: store, root: root, policy: policy, now: now, log: log, unsealed: map[string]Key{}}
	r.set.Store(newKeySet(nil, nil))
	return r
}

// KeySet implements KeySource.
func (r *Keyring) KeySet() *KeySet { return r.set.Load() }

// Load reads the keys. While nothing has changed the set stays the same one.
func (r *Keyring) Load(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows, err := r.store.ListKeys(ctx)
	if err != nil {
		return fmt.Errorf("list keys: %w", err)
	}
	var file []byte
	if r.policy.File != nil {
		if file, err = r.policy.File(); err != nil {
			return fmt.Errorf("read the keys file: %w", err)
		}
	}
	if r.rows != nil && reflect.DeepEqual(rows, r.rows) && string(file) == string(r.file) {
		return nil
	}
	entries, err := r.entries(rows)
	if err != nil {
		return err
	}
	if r.policy.File != nil {
		fromFile, err := parseKeysFile(file)
		if err != nil {
			return fmt.Errorf("the keys file: %w", err)
		}
		entries = append(entries, fromFile...)
	}
	r.rows, r.file = append([]repository.SigningKey{}, rows...), file
	r.set.Store(newKeySet(entries, r.policy.Lifetime))
	return nil
}

// entries unseals what is new. A revoked key is not: its secret may be lost.
func (r *Keyring) entries(rows []repository.SigningKey) ([]keyEntry, error) {
	var entries []keyEntry
	for _, row := range rows {
		if row.Use == UseAccess && r.policy.File != nil {
			continue
		}
		k, known := r.unsealed[row.ID]
		switch {
		case !row.RevokedAt.IsZero():
			k = Key{ID: row.ID, Algorithm: Algorithm(row.Algorithm)}
		case !known:
			var err error
			if k, err = r.root.unseal(row); err != nil {
				return nil, fmt.Errorf("key %s: %w", row.ID, err)
			}
			r.unsealed[row.ID] = k
		}
		entries = append(entries, keyEntry{
			Key: k, use: row.Use, createdAt: row.CreatedAt, activeAt: row.ActiveAt, revokedAt: row.RevokedAt,
		})
	}
	return entries, nil
}

// Start loads the keys, and makes those that are missing: in an empty database
// all of them.
func (r *Keyring) Start(ctx context.Context) error {
	if err := r.Load(ctx); err != nil {
		return err
	}
	if err := r.tend(ctx); err != nil {
		return err
	}
	if k, err := r.KeySet().signer(UseAccess, r.now()); err == nil && k.Algorithm != r.policy.Algorithm && r.policy.File == nil {
		r.log.Warn("the active key is not of the algorithm that tokens.algorithm names; run: latchkey key add, then latchkey key rotate",
			"active", string(k.Algorithm), "setting", string(r.policy.Algorithm))
	}
	return nil
}

// RunUntil keeps the keys current until ctx is done. While the database is away
// they stay as they are.
func (r *Keyring) RunUntil(ctx context.Context) {
	failed := false
	tick := time.NewTicker(r.policy.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.Load(ctx)
		if err == nil {
			err = r.tend(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failed { // once, not each second
			r.log.Error("the keys cannot be read; those that were read last stay", "error", err)
		} else if err == nil && failed {
			r.log.Info("the keys can be read again")
		}
		failed = err != nil
	}
}

// retries bounds how often a change is tried again when another replica was
// faster.
const retries = 5

// tend sees to it that each use has a key that signs and one that stands by,
// rotates by schedule, and forgets keys whose tokens have all expired.
func (r *Keyring) tend(ctx context.Context) error {
	for range retries {
		again, err := r.tendOnce(ctx)
		if err != nil && !errors.Is(err, repository.ErrExists) && !errors.Is(err, repository.ErrNotFound) {
			return err
		}
		if err == nil && !again {
			return nil
		}
		if err := r.Load(ctx); err != nil {
			return err
		}
	}
	return nil // the other replicas are at it
}

// tendOnce makes one change and reports whether it did.
func (r *Keyring) tendOnce(ctx context.Context) (changed bool, err error) {
	set, now := r.KeySet(), r.now()
	for _, use := range r.uses() {
		standby, stands := set.standby(use)
		if !stands {
			return true, r.putStandby(ctx, set, use)
		}
		_, err := set.signer(use, now)
		if err != nil || r.due(set, use, standby, now) {
			return true, r.activate(ctx, standby, now, Origin{Agent: "rotation"})
		}
	}
	for _, e := range set.entries {
		end := e.until
		if !e.revokedAt.IsZero() {
			end = e.revokedAt
		}
		// A log-out may bring an access token for as long as its session lives.
		if r.policy.owns(e.use) && !end.IsZero() && now.After(end.Add(r.policy.Lifetime[UseRefresh]+purgeSlack)) {
			return true, r.store.DeleteKey(ctx, e.ID)
		}
	}
	return false, nil
}

// due reports whether the schedule asks for the next key.
func (r *Keyring) due(set *KeySet, use KeyUse, standby *keyEntry, now time.Time) bool {
	if r.policy.Rotation == 0 || now.Before(standby.createdAt.Add(r.policy.Publish)) {
		return false
	}
	for _, e := range set.entries {
		if e.use == use && e.activeAt.Add(r.policy.Rotation).After(now) && e.revokedAt.IsZero() && !e.activeAt.IsZero() {
			return false // one is young enough, or about to begin
		}
	}
	return true
}

// uses are those whose keys are in the database.
func (r *Keyring) uses() []KeyUse {
	if r.policy.File != nil {
		return []KeyUse{UseRefresh}
	}
	return []KeyUse{UseAccess, UseRefresh}
}

func (p KeyPolicy) owns(use KeyUse) bool { return use != UseAccess || p.File == nil }

func (p KeyPolicy) algorithm(use KeyUse) Algorithm {
	if use == UseRefresh {
		return HS256
	}
	return p.Algorithm
}

func (r *Keyring) row(k Key, use KeyUse) (repository.SigningKey, error) {
	sealed, err := r.root.seal(k, use)
	return repository.SigningKey{
		ID: k.ID, Use: use, Algorithm: string(k.Algorithm), Sealed: sealed, CreatedAt: r.now().UTC().Truncate(time.Microsecond),
	}, err
}

// putStandby adds a new key: the first ever is the one that the root secret
// gives, if it is of the algorithm, and the others are random.
func (r *Keyring) putStandby(ctx context.Context, set *KeySet, use KeyUse) error {
	k := r.root.first[use]
	if a := r.policy.algorithm(use); k.Algorithm != a || set.has(use) {
		var err error
		if k, err = GenerateKey(a); err != nil {
			return err
		}
	}
	return r.put(ctx, k, use, "", Origin{Agent: "rotation"})
}

func (r *Keyring) put(ctx context.Context, k Key, use KeyUse, replaces string, from Origin) error {
	row, err := r.row(k, use)
	if err != nil {
		return err
	}
	record := r.record(from, repository.AuditKeyAdded, k.ID)
	if err := r.store.PutStandbyKey(ctx, row, replaces, record); err != nil {
		return fmt.Errorf("put a key: %w", err)
	}
	logEvent(ctx, r.log, record)
	return nil
}

func (r *Keyring) activate(ctx context.Context, standby *keyEntry, at time.Time, from Origin) error {
	k, err := GenerateKey(r.policy.algorithm(standby.use))
	if err != nil {
		return err
	}
	row, err := r.row(k, standby.use)
	if err != nil {
		return err
	}
	record := r.record(from, repository.AuditKeyActivated, standby.ID)
	if err := r.store.ActivateKey(ctx, standby.ID, at.UTC().Truncate(time.Microsecond), row, record); err != nil {
		return fmt.Errorf("activate a key: %w", err)
	}
	logEvent(ctx, r.log, record)
	return nil
}

func (r *Keyring) record(from Origin, event repository.AuditEvent, keyID string) repository.AuditRecord {
	record := from.audit(r.now().UTC().Truncate(time.Microsecond), event, "ok")
	record.KeyID = keyID
	return record
}
