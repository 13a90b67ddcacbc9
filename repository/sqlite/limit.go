package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/repository"
)

// BeginAttempt implements repository.Limits.
func (db *DB) BeginAttempt(ctx context.Context, a repository.Attempt) (w repository.Begun, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		w = repository.Begun{}
		states, settled := make([]repository.LimitState, len(a.Keys)), make([]bool, len(a.Keys))
		told := true
		for i, k := range a.Keys {
			if states[i], err = findLimit(ctx, tx, k.Name); err != nil {
				return err
			}
			states[i], settled[i] = states[i].Settle(k.Rule, a.Now)
			if i == 0 && states[0].Repeats(a, a.Now) {
				w = repository.Begun{Repeat: true}
				return putLimit(ctx, tx, k, states[0].Repeated())
			}
			if wait := states[i].Wait(a.Now); wait > 0 {
				w.Wait = max(w.Wait, wait)
				told = told && states[i].Told
			}
		}
		w.First = w.Wait > 0 && !told
		for i, k := range a.Keys {
			switch {
			case w.Wait == 0:
				states[i] = states[i].Count(k.Rule, a)
			case states[i].Wait(a.Now) > 0 && (!states[i].Told || settled[i]):
				states[i].Told = true
			default: // a flood causes no writes
				continue
			}
			if err := putLimit(ctx, tx, k, states[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return w, err
}

// EndAttempt implements repository.Limits.
func (db *DB) EndAttempt(ctx context.Context, a repository.Attempt, end repository.AttemptEnd, at time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for i, k := range a.Keys {
			state, err := findLimit(ctx, tx, k.Name)
			switch {
			case err != nil:
				return err
			case state.Empty():
				continue
			case i == 0 && end == repository.AttemptSucceeded:
				state = repository.LimitState{}
			case i == 0 && end == repository.AttemptFailed && !state.Repeats(a, at):
				return putLimit(ctx, tx, k, state.Fail(a, at))
			case i == 0:
				state = state.Repeated().TakeBack(k.Rule, a)
			default:
				state = state.TakeBack(k.Rule, a)
			}
			if err := putLimit(ctx, tx, k, state); err != nil {
				return err
			}
		}
		return nil
	})
}

// findLimit reads the state of a key. An absent key has the empty state.
func findLimit(ctx context.Context, tx *sql.Tx, name string) (repository.LimitState, error) {
	var s repository.LimitState
	var last, before, until, failedAt int64
	err := tx.QueryRowContext(ctx, `SELECT failures, last_failure_at, previous_failure_at, blocked_until, block_reported,
		failed_fingerprint, failed_at FROM rate_limits WHERE name = ?`, name).
		Scan(&s.Failures, &last, &before, &until, &s.Told, &s.Failed, &failedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return repository.LimitState{}, nil
	}
	s.Last, s.Before, s.Until, s.FailedAt = moment(last), moment(before), moment(until), moment(failedAt)
	return s, err
}

// putLimit writes the state of a key, and deletes the key if the state is empty.
func putLimit(ctx context.Context, tx *sql.Tx, k repository.LimitKey, s repository.LimitState) error {
	if s.Empty() {
		_, err := tx.ExecContext(ctx, `DELETE FROM rate_limits WHERE name = ?`, k.Name)
		return err
	}
	forgotten := s.Last.Add(k.Rule.Forget)
	if s.Until.After(forgotten) {
		forgotten = s.Until
	}
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO rate_limits (name, failures, last_failure_at, previous_failure_at,
		blocked_until, block_reported, failed_fingerprint, failed_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.Name, s.Failures, micros(s.Last), micros(s.Before), micros(s.Until), s.Told, s.Failed, micros(s.FailedAt), micros(forgotten))
	return err
}

// PurgeLimits implements repository.Limits.
func (db *DB) PurgeLimits(ctx context.Context, before time.Time, limit int) (int, error) {
	res, err := db.write.ExecContext(ctx, `DELETE FROM rate_limits WHERE name IN (SELECT name FROM rate_limits WHERE expires_at < ? LIMIT ?)`, micros(before), limit)
	if err != nil {
		return 0, storeError(err)
	}
	n, err := res.RowsAffected()
	return int(n), storeError(err)
}
