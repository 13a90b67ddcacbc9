package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

// sessions detects whether each connection has its own session at the server. Behind a pooler
// in transaction mode (PgBouncer and others) each transaction may run in another session, so
// settings and prepared statements reach other clients or get lost. A pooler is recognized by
// the process ID that it reports: it invents one for each client, because clients use it to
// cancel a statement.
type sessions struct {
	limit    time.Duration
	prepares bool        // the URL allows prepared statements
	own      atomic.Bool // for the newest connection; false before the first
}

// premature marks a connection that does not prepare its statements, because it began before one
// was known to have its own session.
const premature = "latchkey premature"

const (
	fixSearchPath = "a pooler does not pass search_path to the server: remove it from database.url, " +
		"and ALTER ROLE ... SET search_path for the database user"
	fixStartup = "a pooler refuses a parameter of database.url: remove it, and ALTER ROLE ... SET it for the database user"
)

// before decides whether a new connection prepares its statements. That saves the server half
// of its work or more, but needs a session that no other client uses.
func (s *sessions) before(_ context.Context, cfg *pgx.ConnConfig) error {
	if cfg.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && !s.own.Load() {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return nil
}

// usable reports whether the pool keeps a connection. Another one replaces it otherwise.
func (s *sessions) usable(_ context.Context, conn *pgx.Conn) (bool, error) {
	return conn.PgConn().CustomData()[premature] == nil, nil
}

// after sets the statement timeout if the connection has its own session.
func (s *sessions) after(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	var own bool
	var path string
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid() = $1::int, current_setting('search_path'),
		CASE WHEN pg_backend_pid() = $1::int THEN set_config('statement_timeout', $2, false) ELSE '' END`,
		pgx.QueryExecModeExec, int32(conn.PgConn().PID()), strconv.FormatInt(s.limit.Milliseconds(), 10)).Scan(&own, &path, nil); err != nil { //nolint:gosec // an int4
		return err
	}
	cfg := conn.Config()
	s.own.Store(own)
	switch want := cfg.RuntimeParams["search_path"]; {
	case own:
		if s.prepares && cfg.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement {
			conn.PgConn().CustomData()[premature] = true
		}
		return nil
	case want != "" && want != path:
		return &repository.Advice{Fix: fixSearchPath, Err: fmt.Errorf("search_path is %q", path)}
	case cfg.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && cfg.StatementCacheCapacity > 0:
		return errors.New("the connection goes through a pooler now: the next connection does not prepare statements")
	}
	return nil
}
