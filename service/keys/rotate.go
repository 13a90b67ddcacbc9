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

// forgetAfter is how long a key that is no longer needed is kept for replicas whose clocks are
// late.
const forgetAfter = time.Hour

// maxSkew is the maximum difference between the clocks of replicas.
const maxSkew = 30 * time.Second

// Rotate makes the standby key the active key: as soon as it has been published for long enough, or
// immediately if atOnce is set.
func (r *Ring) Rotate(ctx context.Context, use Use, atOnce bool, from audit.Origin) (Info, error) {
	if !r.policy.owns(use) {
		return Info{}, ErrInFile
	}
	id := ""
	err := r.retryOnConflict(ctx, readable, func(set *Set) error {
		e, stands := set.standby(use)
		if !stands {
			return fmt.Errorf("no standby key: %w", repository.ErrNotFound) // see reconcile
		}
		if id != "" && id != e.ID {
			return nil // another process activated it: the rotation is done
		}
		if replaced, err := r.replaceForeign(ctx, e); replaced || err != nil {
			return cmp.Or(err, errReplaced)
		}
		id = e.ID
		at := r.clock.Reference(ctx)
		if ready := e.createdAt.Add(r.policy.publish(e.Key)); !atOnce && ready.After(at) {
			at = ready
		}
		return r.activate(ctx, e, at, from)
	})
	if err != nil {
		return Info{}, err
	}
	return r.info(ctx, id)
}

// replaceForeign replaces a standby key whose algorithm differs from the settings, because such a
// key must not become active.
func (r *Ring) replaceForeign(ctx context.Context, standby *entry) (replaced bool, err error) {
	if standby.use != UseAccess || r.policy.Algorithm == "" || standby.Algorithm == r.policy.Algorithm {
		return false, nil
	}
	return true, r.putStandby(ctx, standby.use, standby.ID)
}

// reconcile ensures that each use has an active key and a standby key, rotates keys by schedule,
// and deletes keys whose tokens have all expired.
func (r *Ring) reconcile(ctx context.Context) error {
	for range retries {
		again, err := r.reconcileOnce(ctx)
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
	return nil // the other replicas do the work
}

// reconcileOnce makes one change and reports whether there was one to make.
func (r *Ring) reconcileOnce(ctx context.Context) (changed bool, err error) {
	set, now := r.KeySet(), r.now()
	for _, use := range r.uses() {
		standby, stands := set.standby(use)
		if !stands {
			return true, r.putStandby(ctx, use, "")
		}
		if _, err := set.signer(use, now); err != nil {
			return true, r.activate(ctx, standby, r.clock.Reference(ctx), audit.Origin{Agent: "rotation"})
		}
		if changed, err := r.changeAlgorithm(ctx, set, use, standby, now); changed || err != nil {
			return changed, err
		}
		if r.due(set, use, standby, now) {
			if at, ok := r.confirmed(ctx, func(at time.Time) bool { return r.due(set, use, standby, at) }); ok {
				return true, r.activate(ctx, standby, at, audit.Origin{Agent: "rotation"})
			}
		}
	}
	for _, e := range set.entries {
		over := func(at time.Time) bool { return r.over(e, at) }
		if over(now) {
			if _, ok := r.confirmed(ctx, over); ok {
				return true, r.store.DeleteKey(ctx, e.ID)
			}
		}
	}
	return false, nil
}

// due reports whether the schedule requires the next key.
func (r *Ring) due(set *Set, use Use, standby *entry, now time.Time) bool {
	if r.policy.Rotation == 0 || now.Before(standby.createdAt.Add(r.policy.Publish)) {
		return false
	}
	for _, e := range set.entries {
		if e.use == use && e.activeAt.Add(r.policy.Rotation).After(now) && e.revokedAt.IsZero() && !e.activeAt.IsZero() {
			return false // the last key is young enough, or becomes active soon
		}
	}
	return true
}

// confirmed checks with the database's clock that an event of our own clock is due: a rotation, or
// the end of a key. It returns false while our clock is not known to be good.
func (r *Ring) confirmed(ctx context.Context, due func(at time.Time) bool) (at time.Time, ok bool) {
	at, err := r.clock.Trusted(ctx)
	return at, err == nil && due(at)
}

// over reports whether a key is no longer needed. A logout may present an access token as long as
// its session lives.
func (r *Ring) over(e *entry, at time.Time) bool {
	end := e.until
	if !e.revokedAt.IsZero() {
		end = e.revokedAt
	}
	return r.policy.owns(e.use) && !end.IsZero() && at.After(end.Add(r.policy.Lifetime[UseRefresh]+forgetAfter))
}

// changeAlgorithm activates a key of the configured algorithm in two steps: such a key becomes the
// standby key, and becomes active once it has been published for long enough. A standby key of
// another algorithm, left by an earlier setting, is replaced only after the same time. Two replicas
// with different settings therefore do not keep replacing each other's keys.
func (r *Ring) changeAlgorithm(ctx context.Context, set *Set, use Use, standby *entry, now time.Time) (changed bool, err error) {
	latest := set.last(use)
	if r.policy.Algorithm == "" || use != UseAccess || latest == nil || now.Before(standby.createdAt.Add(r.policy.publish(standby.Key))) {
		return false, nil
	}
	wanted := r.policy.Algorithm
	switch {
	case standby.Algorithm != wanted:
		r.log.Info("publishing a standby key with the algorithm of tokens.algorithm", "active", string(latest.Algorithm), "setting", string(wanted))
		return true, r.putStandby(ctx, use, standby.ID)
	case latest.Algorithm == wanted:
		return false, nil
	}
	published := func(at time.Time) bool { return !at.Before(standby.createdAt.Add(r.policy.publish(standby.Key))) }
	at, ok := r.confirmed(ctx, published)
	if !ok {
		return false, nil
	}
	return true, r.activate(ctx, standby, at, audit.Origin{Agent: "rotation"})
}

// putStandby generates a standby key. It replaces the key with the ID replaces, or no key if that
// is "".
func (r *Ring) putStandby(ctx context.Context, use Use, replaces string) error {
	k, err := jose.GenerateKey(r.algorithm(r.KeySet(), use))
	if err != nil {
		return err
	}
	return r.put(ctx, k, use, replaces, audit.Origin{Agent: "rotation"})
}

func (r *Ring) activate(ctx context.Context, standby *entry, at time.Time, from audit.Origin) error {
	algorithm := standby.Algorithm
	if standby.use == UseAccess && r.policy.Algorithm != "" {
		algorithm = r.policy.Algorithm
	}
	k, err := jose.GenerateKey(algorithm)
	if err != nil {
		return err
	}
	row, err := r.toRecord(k, standby.use, r.clock.Reference(ctx))
	if err != nil {
		return err
	}
	// Activate it after every other key, whatever the clocks of the replicas that activated those
	// keys.
	if after := r.KeySet().latest(standby.use).Add(time.Microsecond); at.Before(after) && !r.KeySet().latest(standby.use).After(r.now().Add(maxSkew)) {
		at = after
	}
	record := r.record(from, repository.AuditKeyActivated, standby.ID)
	if err := r.store.ActivateKey(ctx, standby.ID, at, row, record); err != nil {
		return fmt.Errorf("activate a key: %w", err)
	}
	r.audit.Committed(ctx, record)
	return nil
}
