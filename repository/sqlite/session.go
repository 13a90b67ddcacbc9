package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/repository"
)

const sessionColumns = `user_id, id, generation, token_id, previous_generation, previous_token_id, rotated_at, operation_id, token_used,
	idle_expires_at, absolute_expires_at, session_epoch, client_id, delivery, scope, amr,
	auth_time, grace_count, recovery_count, recovery_window_started_at,
	revocation_reason, revoked_at, revocation_operation_id, created_at, used_at, ip_address, user_agent`

// tombstone sets the columns of a revoked session as repository.Session.Tombstone does. Its
// parameters are the reason, the time and the operation ID.
const tombstone = `revocation_reason = ?, revoked_at = ?, revocation_operation_id = ?, generation = 0, token_id = '', previous_generation = 0,
	previous_token_id = '', rotated_at = 0, operation_id = '', token_used = 0, idle_expires_at = 0, session_epoch = 0, client_id = '', delivery = '',
	scope = '', amr = '', auth_time = 0, grace_count = 0, recovery_count = 0, recovery_window_started_at = 0, created_at = 0, used_at = 0,
	ip_address = '', user_agent = ''`

// CreateSession implements repository.Sessions.
func (db *DB) CreateSession(ctx context.Context, s repository.Session, l repository.Limit) (surplus []string, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The update changes nothing. It affects a row only if the session is the same.
		res, err := tx.ExecContext(ctx, `INSERT INTO sessions (`+sessionColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET token_id = excluded.token_id WHERE token_id = excluded.token_id`,
			s.UserID, s.ID, s.Gen, string(s.JTI), s.PrevGen, string(s.PrevJTI), micros(s.RotatedAt), s.OperationID, s.Seen,
			micros(s.IdleAt), micros(s.AbsoluteAt), s.Epoch, s.ClientID, string(s.Delivery), s.Scope, s.AMR,
			micros(s.AuthTime), s.Graced, s.Recoveries, micros(s.RecoveryAt),
			string(s.Ended), micros(s.EndedAt), s.EndOperationID, micros(s.CreatedAt), micros(s.UsedAt), s.Address, s.Agent)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return repository.ErrExists
		}
		rows, err := tx.QueryContext(ctx, `SELECT id FROM sessions
			WHERE user_id = ?1 AND id NOT IN (?2, ?3) AND revocation_reason = '' AND idle_expires_at > ?4
				AND absolute_expires_at > ?4 AND (session_epoch = ?5 OR id = ?6)
			ORDER BY used_at DESC, id DESC LIMIT -1 OFFSET ?7`,
			s.UserID, s.ID, l.Replaced, micros(s.CreatedAt), s.Epoch, l.ExceptSession, l.Sessions-1)
		surplus, err = scanStrings(rows, err)
		return err
	})
	return surplus, err
}

// RefreshSession implements repository.Sessions.
func (db *DB) RefreshSession(ctx context.Context, p repository.RefreshRequest) (repository.RefreshResult, error) {
	var out repository.RefreshResult
	err := db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		before, err := findSession(ctx, tx, p.UserID, p.SessionID)
		if errors.Is(err, repository.ErrNotFound) {
			out = repository.RefreshResult{Outcome: repository.OutcomeUnknown}
			return nil
		} else if err != nil {
			return err
		}
		after, outcome := before.Refresh(p)
		out = after.Result(outcome)
		if after == before {
			return nil
		}
		return updateSession(ctx, tx, after)
	})
	if err != nil {
		return repository.RefreshResult{}, err
	}
	return out, nil
}

// EndSession implements repository.Sessions.
func (db *DB) EndSession(ctx context.Context, e repository.Ending) (before repository.EndReason, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		before = ""
		s, err := findSession(ctx, tx, e.UserID, e.SessionID)
		if errors.Is(err, repository.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if before = s.Ended; before != "" {
			return nil
		}
		return updateSession(ctx, tx, s.Tombstone(e.Reason, e.Now, e.OperationID))
	})
	return before, err
}

// EndOtherSessions implements repository.Sessions.
func (db *DB) EndOtherSessions(ctx context.Context, e repository.Ending) error {
	_, err := db.write.ExecContext(ctx, `UPDATE sessions SET `+tombstone+`
		WHERE user_id = ? AND id <> ? AND session_epoch <> ? AND revocation_reason = ''`,
		string(e.Reason), micros(e.Now), e.OperationID, e.UserID, e.SessionID, e.Epoch)
	return storeError(err)
}

// ListSessions implements repository.Sessions.
func (db *DB) ListSessions(ctx context.Context, userID string) ([]repository.Session, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = ? AND revocation_reason = '' ORDER BY used_at DESC, id DESC`, userID)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	var list []repository.Session
	for rows.Next() {
		s, err := scanSession(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, storeError(rows.Err())
}

// PurgeSessions implements repository.Sessions.
func (db *DB) PurgeSessions(ctx context.Context, before time.Time, limit int) (int, error) {
	return db.purge(ctx, `DELETE FROM sessions WHERE (user_id, id) IN
		(SELECT user_id, id FROM sessions WHERE absolute_expires_at < ? LIMIT ?)`, micros(before), limit)
}

// FindSession implements repository.Sessions.
func (db *DB) FindSession(ctx context.Context, userID, sessionID string) (repository.Session, error) {
	return findSession(ctx, db.read, userID, sessionID)
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func findSession(ctx context.Context, q querier, userID, sessionID string) (repository.Session, error) {
	return scanSession(q.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE user_id = ? AND id = ?`,
		userID, sessionID))
}

// scanSession reads sessionColumns from a row.
func scanSession(row interface{ Scan(dest ...any) error }) (repository.Session, error) {
	var s repository.Session
	var rot, idle, abs, auth, recAt, revAt, created, used int64
	err := row.Scan(
		&s.UserID, &s.ID, &s.Gen, &s.JTI, &s.PrevGen, &s.PrevJTI, &rot, &s.OperationID, &s.Seen, &idle, &abs, &s.Epoch,
		&s.ClientID, &s.Delivery, &s.Scope, &s.AMR, &auth, &s.Graced, &s.Recoveries, &recAt,
		&s.Ended, &revAt, &s.EndOperationID, &created, &used, &s.Address, &s.Agent)
	if err != nil {
		return repository.Session{}, storeError(err)
	}
	s.RotatedAt, s.IdleAt, s.AbsoluteAt, s.AuthTime = moment(rot), moment(idle), moment(abs), moment(auth)
	s.RecoveryAt, s.EndedAt, s.CreatedAt, s.UsedAt = moment(recAt), moment(revAt), moment(created), moment(used)
	return s, nil
}

// updateSession writes the columns that a refresh request can change, or a tombstone.
func updateSession(ctx context.Context, tx *sql.Tx, s repository.Session) error {
	if s.Ended != "" {
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET `+tombstone+` WHERE user_id = ? AND id = ?`, string(s.Ended), micros(s.EndedAt), s.EndOperationID, s.UserID, s.ID)
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE sessions SET generation = ?, token_id = ?, previous_generation = ?, previous_token_id = ?,
		rotated_at = ?, operation_id = ?, token_used = ?, idle_expires_at = ?, grace_count = ?, recovery_count = ?,
		recovery_window_started_at = ?, used_at = ?
		WHERE user_id = ? AND id = ?`,
		s.Gen, string(s.JTI), s.PrevGen, string(s.PrevJTI), micros(s.RotatedAt), s.OperationID, s.Seen,
		micros(s.IdleAt), s.Graced, s.Recoveries, micros(s.RecoveryAt),
		micros(s.UsedAt), s.UserID, s.ID)
	return err
}
