package service

import (
	"context"
	"log/slog"
	"time"
)

const (
	// purgeSlack is how long what is over is kept for replicas whose clock is
	// late.
	purgeSlack = time.Hour
	// purgeBatch bounds one delete, so that it holds no lock for long.
	purgeBatch = 1000
	// purgeEvery is the time between two purges, less up to a tenth, so that
	// replicas do not purge together.
	purgeEvery = time.Hour
)

// keepCodes is how long an authorization code is remembered, so that its second
// use is seen.
const keepCodes = 24 * time.Hour

// Purge forgets what is long over: authorization codes, failed log-ins, revocations of sessions
// whose tokens have all expired, and in the embedded mode those sessions. It
// returns how many of the latter.
func (s *Sessions) Purge(ctx context.Context) (revocations, sessions int, err error) {
	before := s.now().UTC().Add(-purgeSlack)
	if revocations, err = batches(ctx, before, s.store.Revocations.PurgeRevocations); err != nil {
		return revocations, 0, storeFailure("purge revocations", err)
	}
	if sessions, err = batches(ctx, before, s.store.Sessions.PurgeSessions); err != nil {
		return revocations, sessions, storeFailure("purge sessions", err)
	}
	if _, err = batches(ctx, before, s.store.Limits.PurgeLimits); err != nil {
		return revocations, sessions, storeFailure("purge limits", err)
	}
	if _, err = batches(ctx, before.Add(-keepCodes), s.store.Codes.PurgeCodes); err != nil {
		return revocations, sessions, storeFailure("purge codes", err)
	}
	return revocations, sessions, nil
}

// PurgeUntil purges now and then, until ctx is done. It deletes audit records that
// are older than is said; 0: none.
func (s *Sessions) PurgeUntil(ctx context.Context, keepAudit time.Duration) {
	for {
		revocations, sessions, err := s.Purge(ctx)
		if err == nil && keepAudit > 0 {
			_, err = NewAuditLog(s.store).Purge(ctx, s.now().Add(-keepAudit))
		}
		s.log.LogAttrs(ctx, slog.LevelDebug, "purged", slog.Int("revocations", revocations), slog.Int("sessions", sessions),
			slog.Any("error", err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(purgeEvery - spread(purgeEvery/10)):
		}
	}
}

// batches deletes until a batch is not full.
func batches(ctx context.Context, before time.Time, purge func(context.Context, time.Time, int) (int, error)) (total int, err error) {
	for {
		n, err := purge(ctx, before, purgeBatch)
		total += n
		if err != nil || n < purgeBatch {
			return total, err
		}
	}
}
