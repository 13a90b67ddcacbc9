package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"latchkey/repository"
)

// startTimeout is the maximum time that a start waits for the database.
const startTimeout = 30 * time.Second

// Migrate brings the schema up to date and returns the migrations that it applied. While it takes
// long, it calls waiting with a text that says what it may wait for.
func (s *Stores) Migrate(ctx context.Context, waiting func(text string)) (applied []string, err error) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		for wait := 2 * time.Second; ; wait = 10 * time.Second {
			select {
			case <-done:
				return
			case <-time.After(wait):
				waiting("still migrating, or waiting for " + s.Schema.MigrationNeeds())
			}
		}
	}()
	return s.Schema.Migrate(ctx)
}

// migrateAtStart migrates, and waits for a database that is still starting.
func (s *Stores) migrateAtStart(ctx context.Context, log *slog.Logger) error {
	deadline := time.After(startTimeout)
	for {
		applied, err := s.Migrate(ctx, func(text string) { log.Info(text, "store", s.Where) })
		if len(applied) > 0 {
			log.Info("migrated", "applied", applied)
		}
		if err == nil || !errors.Is(err, repository.ErrUnavailable) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		log.Warn("migration failed; retrying", "store", s.Where, "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline:
			return fmt.Errorf("cannot migrate for %s: %w", startTimeout, err)
		case <-time.After(time.Second):
		}
	}
}
