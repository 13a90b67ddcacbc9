package retention

import (
	"context"
	"log/slog"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/clock"
)

const (
	// purgeSlack is how long an expired record is kept for replicas whose clocks are late.
	purgeSlack = time.Hour
	// purgeBatch is the maximum number of records in one delete, so that it does not hold locks for
	// long.
	purgeBatch = 1000
	// purgeEvery is the time between two purges. Up to a tenth is subtracted, so that replicas do
	// not purge at the same time.
	purgeEvery = time.Hour
)

// Service deletes records that are no longer needed.
type Service struct {
	store repository.Store
	clock *clock.Clock
	audit *audit.Log
	log   *slog.Logger
}

// New returns a Service that deletes records of a store.
func New(store repository.Store, clock *clock.Clock, audit *audit.Log, log *slog.Logger) *Service {
	return &Service{store: store, clock: clock, audit: audit, log: log}
}

// keepMails is how long a mail that was sent, or could not be sent, is listed.
const keepMails = 7 * 24 * time.Hour

// keepCodes is how long an authorization code is kept, so that its reuse is detected.
const keepCodes = 24 * time.Hour

// Purge deletes records that expired long ago: authorization codes, one-time links, mails, failed logins, revocations of
// sessions whose tokens have all expired, and in embedded mode those sessions. If keepAudit is
// above 0, it also deletes audit records older than that. It uses the database's clock, and deletes
// nothing while our own clock is not known to be good.
func (r *Service) Purge(ctx context.Context, keepAudit time.Duration) (Purged, error) {
	now, err := r.clock.Deletable(ctx)
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
		{"revocations", &p.Revocations, before, r.store.Revocations.PurgeRevocations},
		{"sessions", &p.Sessions, before, r.store.Sessions.PurgeSessions},
		{"limits", &p.Limits, before, r.store.Limits.PurgeLimits},
		{"codes", &p.Codes, before.Add(-keepCodes), r.store.Codes.PurgeCodes},
		{"links", &p.Links, before, r.store.Links.PurgeLinks},
		{"mails", &p.Mails, now.Add(-keepMails), r.store.Outbox.PurgeMessages},
		{"audit records", &p.Audit, now.Add(-keepAudit), r.store.Audits.PurgeAudit},
	} {
		if step.n == &p.Audit && keepAudit == 0 {
			continue
		}
		if *step.n, err = batches(ctx, step.before, step.purge); err != nil {
			return p, service.StoreFailure("purge "+step.what, err)
		}
	}
	return p, nil
}

// Purged holds the numbers of records that a purge deleted.
type Purged struct{ Revocations, Sessions, Limits, Codes, Links, Mails, Audit int }

// Run purges the store periodically until ctx is done.
func (r *Service) Run(ctx context.Context, keepAudit time.Duration) {
	for {
		p, err := r.Purge(ctx, keepAudit)
		r.log.LogAttrs(ctx, slog.LevelDebug, "purged", slog.Int("revocations", p.Revocations), slog.Int("sessions", p.Sessions),
			slog.Int("audit", p.Audit), slog.Any("error", err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(purgeEvery - clock.Spread(purgeEvery/10)):
		}
	}
}

// PurgeAudit deletes the audit records older than before, for an operator, and returns their
// number. The time now comes from a trusted clock. The purge itself is recorded first.
func (r *Service) PurgeAudit(ctx context.Context, before, now time.Time, from audit.Origin) (int, error) {
	record := from.Record(now, repository.AuditPurged, "before "+before.UTC().Format(time.RFC3339))
	if err := r.audit.Write(ctx, record); err != nil {
		return 0, err
	}
	n, err := batches(ctx, before, r.store.Audits.PurgeAudit)
	if err != nil {
		return n, service.StoreFailure("purge the audit log", err)
	}
	return n, nil
}

// batches deletes in batches until a batch is not full.
func batches(ctx context.Context, before time.Time, purge func(context.Context, time.Time, int) (int, error)) (total int, err error) {
	for {
		n, err := purge(ctx, before, purgeBatch)
		total += n
		if err != nil || n < purgeBatch {
			return total, err
		}
	}
}
