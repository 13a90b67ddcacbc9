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
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/jose"
	"latchkey/service/keys"
	"latchkey/service/secret"
	"latchkey/service/token"
)

// guarded is the service's own middleware, with its keys, before a bare handler.
func guarded(database string) (gin.HandlerFunc, error) {
	ctx := context.Background()
	root, err := secret.New([]byte(os.Getenv("LATCHKEY_TOKENS_SECRET")))
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, database, postgres.Options{})
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	lifetime := map[keys.Use]time.Duration{keys.UseAccess: time.Hour, keys.UseRefresh: time.Hour}
	ring := keys.NewRing(db, root, keys.Policy{Algorithm: jose.HS256, Lifetime: lifetime, Poll: time.Second}, clock.New(nil, nil, 0, time.Now, log), audit.NewLog(db, log), log)
	if err := ring.Start(ctx); err != nil {
		return nil, err
	}
	go ring.RunUntil(ctx)
	guard, err := access.New(access.Options{
		Verifier: token.NewVerifier(ring, os.Getenv("LATCHKEY_TOKENS_ISSUER"), "latchkey", token.RemoteLeeway, time.Now),
		Cookies:  access.Cookies{},
	})
	if err != nil {
		return nil, err
	}
	return middleware.NewAccess(guard, nil).RequireAccess(), nil
}
