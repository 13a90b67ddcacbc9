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

// Purge deletes what expired long ago: authorization codes, failed logins, revocations
// of sessions whose tokens have all expired, and in the embedded mode those sessions;
// and with keepAudit above 0 the audit records that are older. It goes by the
// database's clock, and deletes nothing while our own is not known to be good.
func (s *Sessions) Purge(ctx context.Context, keepAudit time.Duration) (Purged, error) {
	now, err := s.clock.Deletable(ctx)
	if err != nil {
		return Purged{}, err
	}
	var p Purged
	before := now.Add(-purgeSlack)
	for _, step := range []struct {
		what   string
		n      *int
		before time.Time
		purge  func(context.Context, time.Time, int) (int, error)
	}{
		{"revocations", &p.Revocations, before, s.store.Revocations.PurgeRevocations},
		{"sessions", &p.Sessions, before, s.store.Sessions.PurgeSessions},
		{"limits", &p.Limits, before, s.store.Limits.PurgeLimits},
		{"codes", &p.Codes, before.Add(-keepCodes), s.store.Codes.PurgeCodes},
		{"audit records", &p.Audit, now.Add(-keepAudit), s.store.Audits.PurgeAudit},
	} {
		if step.n == &p.Audit && keepAudit == 0 {
			continue
		}
		if *step.n, err = batches(ctx, step.before, step.purge); err != nil {
			return p, storeFailure("purge "+step.what, err)
		}
	}
	return p, nil
}

// Purged is how many records a purge deleted.
type Purged struct{ Revocations, Sessions, Limits, Codes, Audit int }

// PurgeUntil purges now and then, until ctx is done.
func (s *Sessions) PurgeUntil(ctx context.Context, keepAudit time.Duration) {
	for {
		p, err := s.Purge(ctx, keepAudit)
		s.log.LogAttrs(ctx, slog.LevelDebug, "purged", slog.Int("revocations", p.Revocations), slog.Int("sessions", p.Sessions),
			slog.Int("audit", p.Audit), slog.Any("error", err))
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
