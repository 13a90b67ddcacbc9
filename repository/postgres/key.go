package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

// ListKeys implements repository.Keys.
func (db *DB) ListKeys(ctx context.Context) ([]repository.SigningKey, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT id, use, algorithm, encrypted_key, created_at, active_at, revoked_at
		FROM signing_keys ORDER BY created_at, id`)
	if err != nil {
		return nil, storeError(err)
	}
	defer rows.Close()
	var list []repository.SigningKey
	for rows.Next() {
		var k repository.SigningKey
		var active, revoked *time.Time
		if err := rows.Scan(&k.ID, (*string)(&k.Use), &k.Algorithm, &k.Sealed, &k.CreatedAt, &active, &revoked); err != nil {
			return nil, storeError(err)
		}
		k.CreatedAt, k.ActiveAt, k.RevokedAt = k.CreatedAt.UTC(), moment(active), moment(revoked)
		list = append(list, k)
	}
	return list, storeError(rows.Err())
}

// PutStandbyKey implements repository.Keys.
func (db *DB) PutStandbyKey(ctx context.Context, k repository.SigningKey, replaces string, a repository.AuditRecord) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			DELETE FROM signing_keys WHERE id = $1 AND active_at IS NULL AND revoked_at IS NULL`, replaces); err != nil {
			return err
		}
		return addStandbyKey(ctx, tx, k, a)
	})
}

// ActivateKey implements repository.Keys.
func (db *DB) ActivateKey(ctx context.Context, id string, at time.Time, next repository.SigningKey, a repository.AuditRecord) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE signing_keys SET active_at = $2 WHERE id = $1 AND active_at IS NULL AND revoked_at IS NULL`, id, at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return pgx.ErrNoRows
		}
		return addStandbyKey(ctx, tx, next, a)
	})
}

func addStandbyKey(ctx context.Context, tx pgx.Tx, k repository.SigningKey, a repository.AuditRecord) error {
	if _, err := tx.Exec(ctx, `
		INSERT INTO signing_keys (id, use, algorithm, encrypted_key, created_at) VALUES ($1, $2, $3, $4, $5)`,
		k.ID, string(k.Use), k.Algorithm, k.Sealed, k.CreatedAt); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insertAudit, auditArgs(a)...)
	return err
}

// RevokeKey implements repository.Keys.
func (db *DB) RevokeKey(ctx context.Context, id string, at time.Time, a repository.AuditRecord) error {
	var known int
	err := db.pool.QueryRow(ctx, `
		WITH changed AS (
			UPDATE signing_keys SET revoked_at = $14 WHERE id = $13 AND revoked_at IS NULL RETURNING id
		), recorded AS (`+insertAudit+` FROM changed)
		SELECT 1 FROM signing_keys WHERE id = $13`, append(auditArgs(a), id, at)...).Scan(&known)
	return storeError(err)
}

// DeleteKey implements repository.Keys.
func (db *DB) DeleteKey(ctx context.Context, id string) error {
	_, err := db.pool.Exec(ctx, `DELETE FROM signing_keys WHERE id = $1`, id)
	return storeError(err)
}

// moment decodes a time that may be NULL.
func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
