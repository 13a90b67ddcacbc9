package service

import (
	"context"
	"time"

	"latchkey/repository"
)

// AuditRecord is one line of the audit log.
type AuditRecord = repository.AuditRecord

// AuditLog is what has been recorded, for operators.
type AuditLog struct{ audits repository.Audits }

// NewAuditLog returns the audit log of a store.
func NewAuditLog(store repository.Store) *AuditLog { return &AuditLog{store.Audits} }

// auditPage bounds one question to the store.
const auditPage = 500

// Each calls f with the records that a query asks for, newest first, until it
// returns an error. A limit of 0 is none.
func (l *AuditLog) Each(ctx context.Context, q repository.AuditQuery, f func(AuditRecord) error) error {
	left := q.Limit
	for {
		q.Limit = auditPage
		if left > 0 {
			q.Limit = min(auditPage, left)
		}
		page, err := l.audits.ListAudit(ctx, q)
		if err != nil {
			return storeFailure("read the audit log", err)
		}
		for _, record := range page {
			if err := f(record); err != nil {
				return err
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		if left > 0 {
			if left -= len(page); left == 0 {
				return nil
			}
		}
		q.After = page[len(page)-1]
	}
}

// Purge deletes the records from before a time, for an operator, and returns how
// many. Now is a trusted time. That it was done is recorded first.
func (l *AuditLog) Purge(ctx context.Context, before, now time.Time, from Origin) (int, error) {
	record := from.audit(now.UTC().Truncate(time.Microsecond), repository.AuditPurged, "before "+before.UTC().Format(time.RFC3339))
	if _, err := l.audits.AppendAudit(ctx, record); err != nil {
		return 0, storeFailure("record a purge of the audit log", err)
	}
	n, err := batches(ctx, before, l.audits.PurgeAudit)
	if err != nil {
		return n, storeFailure("purge the audit log", err)
	}
	return n, nil
}
