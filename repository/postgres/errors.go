package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey/repository"
)

// storeError turns what the driver returned into an error of the contract. It
// is the only place that looks at a driver error.
func storeError(err error) error {
	var pe *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return repository.ErrNotFound
	case !errors.As(err, &pe):
		// The server said nothing about it: the network, a timeout, a
		// cancelled context, a closed pool.
		return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
	case pe.Code == "23505":
		return uniqueError(pe)
	case unavailable(pe.Code):
		return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
	}
	return err
}

// unavailable tells trouble of the server from a defect of ours, by the class
// of the SQLSTATE (PostgreSQL manual, appendix A).
func unavailable(code string) bool {
	switch code[:2] {
	case "08", // connection
		"28", // authorization: a password that was changed
		"3D", // the database does not exist
		"40", // rollback: deadlock, serialization
		"53", // resources: disk, memory, connections
		"55", // object in use, lock not available
		"57", // operator intervention, statement timeout, shutdown
		"58", // I/O
		"XX": // corruption
		return true
	}
	return code == "25006" // read-only transaction: a standby
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
