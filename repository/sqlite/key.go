package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

// ListKeys implements repository.Keys.
func (db *DB) ListKeys(ctx context.Context) ([]repository.SigningKey, error) {
	rows, err := db.read.QueryContext(ctx, `
		SELECT id, use, algorithm, encrypted_key, created_at, active_at, revoked_at
		FROM signing_keys ORDER BY created_at, id`)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { _ = rows.Close() }()
	var list []repository.SigningKey
	for rows.Next() {
		var k repository.SigningKey
		var created, active, revoked int64
		if err := rows.Scan(&k.ID, &k.Use, &k.Algorithm, &k.Sealed, &created, &active, &revoked); err != nil {
			return nil, storeError(err)
		}
		k.CreatedAt, k.ActiveAt, k.RevokedAt = moment(created), moment(active), moment(revoked)
		list = append(list, k)
	}
	return list, storeError(rows.Err())
}

// PutStandbyKey implements repository.Keys.
func (db *DB) PutStandbyKey(ctx context.Context, k repository.SigningKey, replaces string, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `
			DELETE FROM signing_keys WHERE id = ?1 AND active_at = 0 AND revoked_at = 0`, replaces); err != nil {
			return err
		}
		return addStandbyKey(ctx, tx, k, a)
	})
}

// ActivateKey implements repository.Keys.
func (db *DB) ActivateKey(ctx context.Context, id string, at time.Time, next repository.SigningKey, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `
			UPDATE signing_keys SET active_at = ?2 WHERE id = ?1 AND active_at = 0 AND revoked_at = 0`, id, micros(at))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return sql.ErrNoRows
		}
		return addStandbyKey(ctx, tx, next, a)
	})
}

func addStandbyKey(ctx context.Context, tx *sql.Tx, k repository.SigningKey, a repository.AuditRecord) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO signing_keys (id, use, algorithm, encrypted_key, created_at) VALUES (?, ?, ?, ?, ?)`,
		k.ID, string(k.Use), k.Algorithm, k.Sealed, micros(k.CreatedAt)); err != nil {
		return err
	}
	return appendAudit(ctx, tx, a)
}

// RevokeKey implements repository.Keys.
func (db *DB) RevokeKey(ctx context.Context, id string, at time.Time, a repository.AuditRecord) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var before int64
		if err := tx.QueryRowContext(ctx, `SELECT revoked_at FROM signing_keys WHERE id = ?`, id).Scan(&before); err != nil || before != 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE signing_keys SET revoked_at = ?2 WHERE id = ?1`, id, micros(at)); err != nil {
			return err
		}
		return appendAudit(ctx, tx, a)
	})
}

// DeleteKey implements repository.Keys.
func (db *DB) DeleteKey(ctx context.Context, id string) error {
	_, err := db.write.ExecContext(ctx, `DELETE FROM signing_keys WHERE id = ?`, id)
	return storeError(err)
}
