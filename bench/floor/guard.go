package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/repository/postgres"
	"latchkey/service"
)

// guarded is the service's own middleware, with its keys, before a bare handler.
func guarded(database string) (gin.HandlerFunc, error) {
	ctx := context.Background()
	root, err := service.NewRootSecret([]byte(os.Getenv("LATCHKEY_TOKENS_SECRET")))
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, database, postgres.Options{})
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	lifetime := map[service.KeyUse]time.Duration{service.UseAccess: time.Hour, service.UseRefresh: time.Hour}
	ring := service.NewKeyring(db, root, service.KeyPolicy{Algorithm: service.HS256, Lifetime: lifetime, Poll: time.Second}, service.NewClock(nil, nil, 0, time.Now, log), service.NewAuditLog(db, log), log)
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
