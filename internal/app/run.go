package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"latchkey/internal/server"
)

// ErrInterrupted is the cause of a context that was canceled from the keyboard: Run then skips
// the drain delay.
var ErrInterrupted = errors.New("interrupted")

// Run listens and answers requests until ctx is done. Then it reports that it is not ready,
// continues to answer for server.drain_delay, and returns when every accepted request has its
// answer. Ready, if it is not nil, is called with the address when the service listens.
func (a *App) Run(ctx context.Context, ready func(net.Addr)) error {
	cfg, log := a.cfg, a.env.Log
	go a.NewRetention().Run(ctx, cfg.Audit.Retention)
	// The last requests are answered after ctx is done, and keys can be revoked meanwhile.
	serving, stopped := context.WithCancel(context.WithoutCancel(ctx))
	defer stopped()
	a.start(serving)
	if err := a.instruments.Serve(serving, a.Health, log); err != nil {
		return err
	}
	s, err := server.Listen(ctx, a.handler, server.Options{
		Address: cfg.Server.Listen, RequestTimeout: cfg.Server.RequestTimeout, IdleTimeout: cfg.Server.IdleTimeout,
	}, log)
	if err != nil {
		return fmt.Errorf("server.listen: %w", err)
	}
	log.Info("listening", "version", a.env.Version, "address", s.Addr().String(), "url", cfg.Server.PublicURL.String(),
		"mode", a.Stores.Mode, "store", a.Stores.Where, "mail", cmp.Or(a.mailWhere(), "none"))
	if ready != nil {
		ready(s.Addr())
	}
	defer a.startMailer(ctx)()
	if err := s.Serve(ctx); err != nil {
		return err
	}
	a.Health.Drain()
	if !errors.Is(context.Cause(ctx), ErrInterrupted) {
		// A load balancer needs time to notice that this replica is not ready; meanwhile each
		// answer closes its connection.
		log.Info("draining", "for", cfg.Server.DrainDelay.String())
		time.Sleep(cfg.Server.DrainDelay)
	}
	return s.Stop()
}

// mailStop is how long a stopping service waits for the mails that it is sending. A mail that is not
// finished by then is sent again when its claim ends.
const mailStop = 10 * time.Second

// startMailer starts to send mails, and returns a function that stops it.
func (a *App) startMailer(ctx context.Context) (stop func()) {
	if a.Mailer == nil {
		a.env.Log.Warn("mail is not configured: forgotten passwords, verified addresses and notices are not available; set mail.url")
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Mailer.Run(ctx)
	}()
	return func() {
		cancel()
		select {
		case <-done:
		case <-time.After(mailStop):
			a.env.Log.Warn("the mail server did not answer in time; a mail may be sent twice")
		}
	}
}
