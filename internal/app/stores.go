package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"latchkey/config"
	"latchkey/internal/observe"
	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/repository/redis"
	"latchkey/repository/sqlite"
)

// Migrator contains the schema operations of both databases.
type Migrator interface {
	Migrate(ctx context.Context) (applied []string, err error)
	Pending(ctx context.Context) (pending, applied []string, err error)
	// MigrationNeeds names what Migrate may wait for.
	MigrationNeeds() string
}

// Stores are an open set of stores: SQLite, or Postgres and Redis.
type Stores struct {
	repository.Store
	Schema   Migrator
	Mode     string                         // embedded, or postgres+redis
	Where    string                         // names the stores, without secrets
	Warnings func(context.Context) []string // warnings about settings of the stores that an operator should change
	Pools    map[string]func() repository.PoolStats

	close func()
}

// Close closes the stores.
func (s *Stores) Close() {
	if s.close != nil {
		s.close()
	}
}

// openStores opens SQLite, or Postgres and Redis, as the settings say. It creates a SQLite file
// only with create.
func openStores(ctx context.Context, cfg config.Config, create bool, log *slog.Logger, i observe.Instruments) (*Stores, error) {
	if cfg.Embedded() {
		return openEmbedded(ctx, cfg, create, i.Calls())
	}
	return openServers(ctx, cfg, log, i)
}

func openServers(ctx context.Context, cfg config.Config, log *slog.Logger, i observe.Instruments) (*Stores, error) {
	pg, err := postgres.Open(ctx, cfg.Database.URL.Reveal(), postgres.Options{MaxConns: cfg.Database.MaxConns, Observe: i.Calls(), Tracer: i.Statements()})
	if err != nil {
		return nil, fmt.Errorf("database.url: %w", err)
	}
	redis.LogTo(log)
	options := redisOptions(cfg)
	options.Observe, options.Instrument = i.Calls(), i.Commands()
	rd, err := redis.Open(cfg.Redis.URL.Reveal(), options)
	if err != nil {
		_ = pg.Close()
		return nil, fmt.Errorf("redis.%w", err) // the error begins with the name of the setting
	}
	return &Stores{
		Store: rd.Store(pg.Store()), Schema: pg, Mode: "postgres+redis", Warnings: rd.Warnings,
		Where: Where(cfg),
		Pools: map[string]func() repository.PoolStats{"postgres": pg.Pool, "redis": rd.Pool},
		close: func() { _ = rd.Close(); _ = pg.Close() },
	}, nil
}

// Where names the stores in the settings, without secrets.
func Where(cfg config.Config) string {
	if cfg.Embedded() {
		return "SQLite in " + databaseFile(cfg)
	}
	return "Postgres at " + place(cfg.Database.URL) + ", Redis at " + place(cfg.Redis.URL)
}

// databaseFile returns the path of the SQLite file.
func databaseFile(cfg config.Config) string { return filepath.Join(cfg.Data.Dir, "latchkey.db") }

// place returns the host and the path of a URL, which contain no secret.
func place(u config.Secret) string {
	_, rest, _ := strings.Cut(u.Reveal(), "://")
	authority, path, _ := strings.Cut(rest, "/")
	path, _, _ = strings.Cut(path, "?")
	authority, _, _ = strings.Cut(authority[strings.LastIndexByte(authority, '@')+1:], "?")
	return authority + "/" + path
}

func openEmbedded(ctx context.Context, cfg config.Config, create bool, observe repository.Observer) (*Stores, error) {
	path := databaseFile(cfg)
	if create {
		if err := os.MkdirAll(cfg.Data.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("data.dir: %w", err)
		}
	} else if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the database %s does not exist. If the service runs on Postgres and Redis, pass its settings to this command "+
			"(LATCHKEY_DATABASE_URL, …, or --config). If it runs on SQLite, pass its data.dir. To create a database, run latchkey migrate up", path)
	}
	db, err := sqlite.Open(ctx, path, observe)
	if err != nil {
		return nil, fmt.Errorf("data.dir: %w", err)
	}
	return &Stores{
		Store: db.Store(), Schema: db, Mode: "embedded", Where: Where(cfg),
		Warnings: func(context.Context) []string { return db.Warnings() },
		Pools:    map[string]func() repository.PoolStats{"sqlite": db.Pool},
		close:    func() { _ = db.Close() },
	}, nil
}
