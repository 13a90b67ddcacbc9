package keys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/repository"
	"latchkey/service/audit"
	"latchkey/service/jose"
)

// ErrInFile is the error for a change of keys that are in a file instead of the database.
var ErrInFile = errors.New("the keys for access tokens are read from tokens.keys_file: change them there; replicas reload the file automatically")

// Algorithm returns the algorithm of new keys of a use.
func (r *Ring) Algorithm(use Use) jose.Algorithm { return r.algorithm(r.KeySet(), use) }

// List returns every key with its current state.
func (r *Ring) List(ctx context.Context) ([]Info, error) {
	if err := r.Load(ctx); err != nil {
		return nil, err
	}
	return r.KeySet().Keys(r.now()), nil
}

// Add replaces the standby key by k. If k has no ID, Add generates a key of its algorithm.
func (r *Ring) Add(ctx context.Context, k jose.Key, use Use, from audit.Origin) (Info, error) {
	if !r.policy.owns(use) {
		return Info{}, ErrInFile
	}
	if use == UseRefresh && k.Algorithm != jose.HS256 {
		return Info{}, errors.New("refresh tokens are always signed with HS256: only this service verifies them")
	}
	if use == UseAccess && r.policy.Algorithm != "" && k.Algorithm != r.policy.Algorithm {
		return Info{}, fmt.Errorf("tokens.algorithm is %s, and the replicas would rotate back to it: set it to %s, which rotates automatically, or to auto",
			r.policy.Algorithm, k.Algorithm)
	}
	if k.ID == "" {
		var err error
		if k, err = jose.GenerateKey(k.Algorithm); err != nil {
			return Info{}, err
		}
	}
	err := r.retryOnConflict(ctx, readable, func(set *Set) error {
		if set.find(k.ID) != nil {
			return fmt.Errorf("key %s already exists", k.ID)
		}
		replaces := ""
		if e, stands := set.standby(use); stands {
			replaces = e.ID
		}
		return r.put(ctx, k, use, replaces, from)
	})
	if err != nil {
		return Info{}, err
	}
	return r.info(ctx, k.ID)
}

// errReplaced makes retryOnConflict read the keys again.
var errReplaced = fmt.Errorf("the algorithm of the standby key differs from tokens.algorithm: %w", repository.ErrExists)

// publish returns how long a key must be published before it signs. A secret is published only to
// the replicas, which read the database once every Poll.
func (p Policy) publish(k jose.Key) time.Duration {
	if k.Algorithm == jose.HS256 {
		return min(p.Publish, 3*p.Poll+time.Second)
	}
	return p.Publish
}

// Revoke revokes a key permanently: no token that it signed is accepted any more. If it was the
// active key, the standby key becomes active first.
func (r *Ring) Revoke(ctx context.Context, id string, from audit.Origin) (Info, error) {
	err := r.retryOnConflict(ctx, readAtAll, func(set *Set) error {
		e := set.find(id)
		switch {
		case e == nil || !r.policy.owns(e.use):
			return fmt.Errorf("the database has no key %s", id)
		case e.state(r.now()) == Active:
			standby, stands := set.standby(e.use)
			if !stands {
				return fmt.Errorf("no standby key: %w", repository.ErrNotFound)
			}
			if replaced, err := r.replaceForeign(ctx, standby); replaced || err != nil {
				return cmp.Or(err, errReplaced)
			}
			if err := r.activate(ctx, standby, r.clock.Reference(ctx), from); err != nil {
				return err
			}
		}
		return r.revoke(ctx, id, from)
	})
	if err != nil {
		return Info{}, err
	}
	info, err := r.info(ctx, id)
	if err != nil {
		return Info{}, err
	}
	return info, r.reconcile(ctx)
}

// RevokeAll revokes every key, including keys that cannot be unsealed, and generates new ones. It
// returns the number of keys revoked.
func (r *Ring) RevokeAll(ctx context.Context, from audit.Origin) (int, error) {
	rows, err := r.store.ListKeys(ctx)
	if err != nil {
		return 0, fmt.Errorf("list keys: %w", err)
	}
	revoked := 0
	for _, row := range rows {
		if row.RevokedAt.IsZero() {
			if err := r.revoke(ctx, row.ID, from); err != nil {
				return revoked, err
			}
			revoked++
		}
	}
	return revoked, r.Start(ctx)
}

func (r *Ring) revoke(ctx context.Context, id string, from audit.Origin) error {
	record := r.record(from, repository.AuditKeyRevoked, id)
	if err := r.store.RevokeKey(ctx, id, record.At, record); err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	r.audit.Committed(ctx, record)
	return nil
}

// The conditions of retryOnConflict for a change of keys.
const (
	// readable requires that every key can be unsealed: a new key under another root secret would
	// stop every replica.
	readable = true
	// readAtAll requires only that the database was read: a key that cannot be unsealed can still
	// be revoked.
	readAtAll = false
)

// retryOnConflict applies a change to the current keys. If another process has changed the keys
// meanwhile, it reads them again and retries.
func (r *Ring) retryOnConflict(ctx context.Context, all bool, change func(set *Set) error) error {
	var err error
	for range retries {
		read, failed := r.load(ctx)
		if !read || all && failed != nil {
			return failed
		}
		if err = change(r.KeySet()); !errors.Is(err, repository.ErrExists) && !errors.Is(err, repository.ErrNotFound) {
			return err
		}
		if err := r.reconcile(ctx); err != nil {
			return err
		}
	}
	return err
}

func (r *Ring) info(ctx context.Context, id string) (Info, error) {
	if read, err := r.load(ctx); !read {
		return Info{}, err
	}
	if e := r.KeySet().find(id); e != nil {
		return e.info(r.now()), nil
	}
	return Info{}, fmt.Errorf("key %s was removed in the meantime", id)
}
