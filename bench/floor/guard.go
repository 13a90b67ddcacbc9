package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/service"
)

// guarded is the service's own middleware, with its keys, before a bare handler.
func guarded(database string) (gin.HandlerFunc, error) {
	ctx := context.Background()
	root, err := service.DeriveKeys([]byte(os.Getenv("LATCHKEY_TOKENS_SECRET")))
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, database, postgres.Options{})
	if err != nil {
		return nil, err
	}
	lifetime := map[service.KeyUse]time.Duration{service.UseAccess: time.Hour, service.UseRefresh: time.Hour}
	ring := service.NewKeyring(db, root, service.KeyPolicy{Algorithm: service.HS256, Lifetime: lifetime, Poll: time.Second}, service.NewClock(repository.Store{}, 0, time.Now, slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler))
	if err := ring.Start(ctx); err != nil {
		return nil, err
	}
	go ring.RunUntil(ctx)
	guard, err := access.New(access.Options{
		Verifier: service.NewVerifier(ring, os.Getenv("LATCHKEY_TOKENS_ISSUER"), "latchkey", service.RemoteLeeway, time.Now),
		Cookies:  access.Cookies{},
	})
	if err != nil {
		return nil, err
	}
	return middleware.NewAccess(guard, nil).RequireAccess(), nil
}
