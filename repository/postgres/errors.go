package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey/repository"
)

// storeError converts an error of the driver into an error of the contract. No other
// function looks at driver errors. An error that says nothing about the data is
// ErrUnavailable.
func storeError(err error) error {
	var pe *pgconn.PgError
	var connecting *pgconn.ConnectError
	switch {
	case err == nil:
		return nil
	case repository.Known(err):
		return err
	case errors.As(err, &connecting):
		// An error while connecting says nothing about the data.
	case errors.Is(err, pgx.ErrNoRows):
		return repository.ErrNotFound
	}
	if !errors.As(err, &pe) {
		if connecting != nil && strings.Contains(err.Error(), "read only connection") { // pgx exports no value for it
			return fmt.Errorf("%w: %w", repository.ErrUnavailable, &repository.Advice{Fix: fixReadOnly, Err: err})
		}
		if connecting == nil && pgconn.Timeout(err) { // no response to a statement, while the connection is alive
			return fmt.Errorf("%w: %w: %w", repository.ErrUnavailable, repository.ErrLocked, err)
		}
		// The network, a cancelled context, a closed pool.
		return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
	}
	if connecting == nil {
		switch class(pe) {
		case "23": // integrity constraint
			if pe.Code == uniqueViolation {
				return uniqueError(pe)
			}
			return err
		case "21", "22": // cardinality, data: a value that the column cannot hold
			return err
		}
	}
	if pe.Code == statementTimeout || pe.Code == lockTimeout {
		return fmt.Errorf("%w: %w: %w", repository.ErrUnavailable, repository.ErrLocked, err)
	}
	if fix := advice(pe); fix != "" {
		return fmt.Errorf("%w: %w", repository.ErrUnavailable, &repository.Advice{Fix: fix, Err: err})
	}
	return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
}

const (
	uniqueViolation  = "23505"
	readOnly         = "25006"
	lockTimeout      = "55P03"
	statementTimeout = "57014" // also of a statement that an operator canceled

	fixReadOnly = "the server is read-only: point database.url at the primary, or list several hosts in it; a pooler may have kept connections to the old primary (PgBouncer: RECONNECT)"
)

// class returns the class of an SQLSTATE (PostgreSQL manual, appendix A).
func class(pe *pgconn.PgError) string { return pe.Code[:min(2, len(pe.Code))] }

// advice returns what the operator should do, or "".
func advice(pe *pgconn.PgError) string {
	switch pe.Code {
	case readOnly:
		return fixReadOnly
	case "08P01":
		if strings.HasPrefix(pe.Message, "unsupported startup parameter") { // PgBouncer
			return fixStartup
		}
	case "42501":
		return "the database user lacks a permission: GRANT it, or make the user the owner of the schema"
	case "42P01", "42703", "3F000":
		return "the schema is missing or older than the program: run latchkey migrate up, or check search_path in database.url"
	case "53100":
		return "the disk of the database is full"
	case "53300":
		return "the database has no free connections: raise max_connections, or lower database.max_conns"
	case "3D000":
		return "the database does not exist: create it, or correct database.url"
	}
	if class(pe) == "28" {
		return "the database rejected the user or the password: correct database.url, or pg_hba.conf"
	}
	return ""
}

func uniqueError(pe *pgconn.PgError) error {
	switch pe.ConstraintName {
	case "users_username_key":
		return repository.ErrUsernameExists
	case "users_email_key":
		return repository.ErrEmailExists
	default:
		return repository.ErrExists
	}
}
