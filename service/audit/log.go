package audit

import (
	"context"
	"log/slog"

	"latchkey/repository"
	"latchkey/service"
)

// Record is one line of the audit log.
type Record = repository.AuditRecord

// Log is the audit log. It writes each record to the store and to the log of the process.
type Log struct {
	store repository.Audits
	log   *slog.Logger
}

// NewLog returns a Log that writes to a store.
func NewLog(store repository.Audits, log *slog.Logger) *Log {
	return &Log{store: store, log: log}
}

// Write stores a record and logs it. It ignores a record whose ID is already stored. It returns
// store_unavailable if the record could not be stored; the record is then in the log of the process
// only.
func (l *Log) Write(ctx context.Context, r Record) error {
	added, err := l.store.AppendAudit(ctx, r)
	if err != nil {
		l.Committed(ctx, r)
		l.log.LogAttrs(ctx, slog.LevelWarn, "audit record not stored; the preceding log line contains it", slog.Any("error", err))
		return service.StoreFailure("record "+string(r.Event), err)
	}
	if added {
		l.Committed(ctx, r)
	}
	return nil
}

// Committed logs a record that the store has written together with the change it describes.
func (l *Log) Committed(ctx context.Context, r Record) {
	level := slog.LevelInfo
	if r.Event == repository.AuditRefreshReused || r.Outcome == OutcomeForked {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{slog.String("outcome", r.Outcome)}
	for name, value := range r.Members() {
		attrs = append(attrs, slog.String(name, value))
	}
	l.log.LogAttrs(ctx, level, string(r.Event), attrs...)
}

// OutcomeForked is the outcome of a refresh with a token that is older than the last rotation,
// after the store has lost recent writes. Meanwhile another client has used a superseded token, so
// one of the two clients may be a thief.
const OutcomeForked = "forked"

// auditPage is the maximum number of records in one query to the store.
const auditPage = 500

// Each calls f with the records that match a query, newest first, until f returns an error. A limit
// of 0 means no limit.
func (l *Log) Each(ctx context.Context, q repository.AuditQuery, f func(Record) error) error {
	left := q.Limit
	for {
		q.Limit = auditPage
		if left > 0 {
			q.Limit = min(auditPage, left)
		}
		page, err := l.store.ListAudit(ctx, q)
		if err != nil {
			return service.StoreFailure("read the audit log", err)
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
