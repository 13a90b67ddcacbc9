package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/repository"
)

// BeginAttempt implements repository.Limits.
func (db *DB) BeginAttempt(ctx context.Context, a repository.Attempt) (w repository.Waiting, err error) {
	err = db.inTx(ctx, func(tx *sql.Tx) error {
		states := make([]repository.LimitState, len(a.Keys))
		told := true
		for i, k := range a.Keys {
			if states[i], err = findLimit(ctx, tx, k.Name); err != nil {
				return err
			}
			if i == 0 && states[0].Repeats(a) {
				w = repository.Waiting{}
				return nil
			}
			if wait := states[i].Wait(a.Now); wait > 0 {
				w.For = max(w.For, wait)
				told = told && states[i].Told
			}
		}
		w.First = w.For > 0 && !told
		for i, k := range a.Keys {
			switch {
			case w.For == 0:
				states[i] = states[i].Count(k.Rule, a)
			case states[i].Wait(a.Now) > 0:
				states[i].Told = true
			default:
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
func (db *DB) EndAttempt(ctx context.Context, a repository.Attempt, success bool) error {
	return db.inTx(ctx, func(tx *sql.Tx) error {
		for i, k := range a.Keys {
			if i == 0 && success {
				if _, err := tx.ExecContext(ctx, `DELETE FROM limits WHERE name = ?`, k.Name); err != nil {
					return err
				}
				continue
			}
			state, err := findLimit(ctx, tx, k.Name)
			if err != nil {
				return err
			}
			if state.Failures == 0 {
				continue
			}
			if err := putLimit(ctx, tx, k, state.TakeBack(k.Rule)); err != nil {
				return err
			}
		}
		return nil
	})
}

// findLimit reads a key; one that is not there is the zero state.
func findLimit(ctx context.Context, tx *sql.Tx, name string) (repository.LimitState, error) {
	var s repository.LimitState
	var last, until int64
	err := tx.QueryRowContext(ctx, `SELECT failures, last, until, told, fingerprint FROM limits WHERE name = ?`, name).
		Scan(&s.Failures, &last, &until, &s.Told, &s.Fingerprint)
	if errors.Is(err, sql.ErrNoRows) {
		return repository.LimitState{}, nil
	}
	s.Last, s.Until = moment(last), moment(until)
	return s, err
}

func putLimit(ctx context.Context, tx *sql.Tx, k repository.LimitKey, s repository.LimitState) error {
	forgotten := s.Last.Add(k.Rule.Forget)
	if s.Until.After(forgotten) {
		forgotten = s.Until
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO limits (name, failures, last, until, told, fingerprint, forgotten)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, last = excluded.last,
		until = excluded.until, told = excluded.told, fingerprint = excluded.fingerprint, forgotten = excluded.forgotten`,
		k.Name, s.Failures, micros(s.Last), micros(s.Until), s.Told, s.Fingerprint, micros(forgotten))
	return err
}

// PurgeLimits implements repository.Limits.
func (db *DB) PurgeLimits(ctx context.Context, before time.Time, limit int) (int, error) {
	res, err := db.write.ExecContext(ctx, `DELETE FROM limits WHERE name IN (SELECT name FROM limits WHERE forgotten < ? LIMIT ?)`, micros(before), limit)
	if err != nil {
		return 0, storeError(err)
	}
	n, err := res.RowsAffected()
	return int(n), storeError(err)
}
