package redis

import (
	"context"
	"fmt"
	"time"

	"latchkey/repository"
)

// BeginAttempt implements repository.Limits.
func (db *DB) BeginAttempt(ctx context.Context, a repository.Attempt) (repository.Begun, error) {
	args := []any{millis(a.Now), a.Fingerprint, repository.SameAttempt.Milliseconds(), slack.Milliseconds()}
	for _, k := range a.Keys {
		args = append(args, k.Rule.Free, k.Rule.Base.Milliseconds(), k.Rule.Max.Milliseconds(), k.Rule.Forget.Milliseconds(), k.Rule.Most())
	}
	reply, err := db.scripts.beginAttempt.Run(ctx, db.client, db.keys.limits(a.Keys), args...).Int64Slice()
	if err != nil {
		return repository.Begun{}, storeError(err)
	}
	if len(reply) != 3 {
		return repository.Begun{}, fmt.Errorf("begin_attempt returned %d values", len(reply))
	}
	return repository.Begun{Wait: time.Duration(reply[0]) * time.Millisecond, First: reply[1] == 1, Repeat: reply[2] == 1}, nil
}

// EndAttempt implements repository.Limits.
func (db *DB) EndAttempt(ctx context.Context, a repository.Attempt, end repository.AttemptEnd, at time.Time) error {
	args := []any{string(end), millis(a.Now), millis(at), a.Fingerprint, repository.SameAttempt.Milliseconds()}
	for _, k := range a.Keys {
		args = append(args, k.Rule.Free, k.Rule.Base.Milliseconds(), k.Rule.Max.Milliseconds())
	}
	return storeError(db.scripts.endAttempt.Run(ctx, db.client, db.keys.limits(a.Keys), args...).Err())
}

// PurgeLimits implements repository.Limits. It does nothing, because keys have a TTL.
func (db *DB) PurgeLimits(context.Context, time.Time, int) (int, error) { return 0, nil }
