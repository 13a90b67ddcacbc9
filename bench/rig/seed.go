package rig

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"
	_ "modernc.org/sqlite" // the driver

	"latchkey/repository"
	"latchkey/repository/redis"
)

// passwordHash returns the hash of the password of all users.
var passwordHash = sync.OnceValues(func() (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(Password), Cost)
	return string(hash), err
})

// Seed writes a number of users, and a session for each of them.
func (d *Deployment) Seed(users int) error {
	if err := d.SeedUsers(users); err != nil {
		return err
	}
	return d.SeedSessions(users, func(int) {})
}

// SeedUsers writes n users.
func (d *Deployment) SeedUsers(n int) error {
	hash, err := passwordHash()
	if err != nil {
		return err
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.Postgres.URL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, `INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege, created_at, updated_at)
		SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'user' || n, 'user' || n, 'user' || n || '@example.org',
			'user' || n || '@example.org', $2, 0, now(), now()
		FROM generate_series(0, $1::bigint - 1) n`, n, hash)
	if err == nil {
		_, err = conn.Exec(ctx, `VACUUM ANALYZE users`)
	}
	return err
}

// SeedSessions writes a session for each of those users, as a login does.
func (d *Deployment) SeedSessions(users int, progress func(done int)) error {
	db, err := redis.Open(d.Redis.URL, redis.Options{Prefix: Prefix, Timeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var next atomic.Int64
	now := time.Now().UTC().Truncate(time.Millisecond)
	errs := make([]error, 64)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < users && errs[i] == nil; n = int(next.Add(1)) - 1 {
				_, errs[i] = db.CreateSession(context.Background(), seedSession(n, now), repository.Limit{Sessions: 10})
				if done := n + 1; done%100_000 == 0 {
					progress(done)
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// seedSession returns a session as the login of a mobile client creates it.
func seedSession(n int, now time.Time) repository.Session {
	return repository.Session{
		ID: SessionID(n), UserID: UserID(n), JTI: repository.TokenID(firstID(n)), RotatedAt: now, IdleAt: now.Add(30 * 24 * time.Hour),
		AbsoluteAt: now.Add(90 * 24 * time.Hour), ClientID: clientID, Delivery: repository.DeliveryBody, AMR: "pwd", AuthTime: now, CreatedAt: now,
		UsedAt: now, Address: "203.0.113.7", Agent: "Dart on Android",
	}
}

// SeedFile writes users and their sessions into a SQLite file.
func SeedFile(path string, users int) error {
	hash, err := passwordHash()
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	now := time.Now()
	s, at := seedSession(0, now), now.UnixMicro()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	const numbers = `WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < ?) `
	if _, err := tx.Exec(numbers+`INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege, created_at, updated_at)
		SELECT printf('00000000-0000-7000-8000-%012x', n), 'user' || n, 'user' || n, 'user' || n || '@example.org', 'user' || n || '@example.org',
			?, 0, ?, ? FROM c`, users, hash, at, at); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if _, err := tx.Exec(numbers+`INSERT INTO sessions (user_id, id, generation, token_id, previous_generation, previous_token_id, rotated_at, operation_id, token_used,
			idle_expires_at, absolute_expires_at, session_epoch, client_id, delivery, scope, amr,
			auth_time, grace_count, recovery_count, recovery_window_started_at,
			revocation_reason, revoked_at, revocation_operation_id, created_at, used_at, ip_address, user_agent)
		SELECT printf('00000000-0000-7000-8000-%012x', n), printf('00000000-0000-7000-9000-%012x', n), 0, printf('bench%017d', n), 0, '', ?, '', 0,
			?, ?, 0, '`+clientID+`', 'body', '', 'pwd', ?, 0, 0, 0, '', 0, '', ?, ?, ?, ? FROM c`,
		users, at, s.IdleAt.UnixMicro(), s.AbsoluteAt.UnixMicro(), at, at, at, s.Address, s.Agent); err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	return tx.Commit()
}
