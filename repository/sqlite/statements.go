package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// connector opens connections that keep their prepared statements, because parsing a
// statement takes longer than running it.
type connector struct {
	driver driver.Driver
	dsn    string
}

func newConnector(dsn string) (connector, error) {
	db, err := sql.Open("sqlite", dsn) // opens no connection
	if err != nil {
		return connector{}, err
	}
	return connector{db.Driver(), dsn}, db.Close()
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c.driver }

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	known, ok := conn.(connection)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver has changed"), conn.Close())
	}
	return &keeping{connection: known, kept: map[string]statement{}}, nil
}

// connection and statement are the interfaces that the driver's connections and statements
// implement.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keeping is a connection with the prepared statements that are not in use. database/sql
// uses a connection from one goroutine at a time.
type keeping struct {
	connection
	kept map[string]statement
}

// maxKept is the largest number of statements kept. This package has fewer.
const maxKept = 128

// ExecContext implements driver.ExecerContext.
func (k *keeping) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := k.take(ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := s.ExecContext(ctx, args)
	return res, errors.Join(err, k.keep(query, s))
}

// QueryContext implements driver.QueryerContext.
func (k *keeping) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := k.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, k.keep(query, s))
	}
	return &keptRows{Rows: rows, done: func() error { return k.keep(query, s) }}, nil
}

// Close implements driver.Conn.
func (k *keeping) Close() error {
	var errs []error
	for _, s := range k.kept {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, k.connection.Close())...)
}

func (k *keeping) take(ctx context.Context, query string) (statement, error) {
	if s, ok := k.kept[query]; ok {
		delete(k.kept, query)
		return s, nil
	}
	s, err := k.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.(statement), nil
}

func (k *keeping) keep(query string, s statement) error {
	if _, twice := k.kept[query]; twice || len(k.kept) >= maxKept {
		return s.Close()
	}
	k.kept[query] = s
	return nil
}

// keptRows returns the statement to its connection when the rows are closed.
type keptRows struct {
	driver.Rows
	done func() error
}

// Close implements driver.Rows.
func (r *keptRows) Close() error {
	err := errors.Join(r.Rows.Close(), r.done())
	r.done = func() error { return nil }
	return err
}
