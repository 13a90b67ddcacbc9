package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/config"
	"latchkey/internal/app"
	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/service/token"
)

// guarded is the service's own middleware, with its keys, before a bare handler.
func guarded() (gin.HandlerFunc, error) {
	ctx := context.Background()
	cfg, err := config.Load("") // the service has the same environment
	if err != nil {
		return nil, err
	}
	parts, err := app.Open(ctx, cfg, app.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)}, false)
	if err != nil {
		return nil, err
	}
	signing, err := parts.NewSigning(false)
	if err != nil {
		return nil, err
	}
	if err := signing.Keys.Start(ctx); err != nil {
		return nil, err
	}
	go signing.Keys.RunUntil(ctx)
	guard, err := access.New(access.Options{
		Verifier: token.NewVerifier(signing.Keys, cfg.Tokens.Issuer, cfg.Tokens.Audience, token.RemoteLeeway, time.Now),
		Cookies:  access.Cookies{},
	})
	if err != nil {
		return nil, err
	}
	return middleware.NewAccess(guard, nil).RequireAccess(), nil
}
