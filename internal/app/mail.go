package app

import (
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/url"
	"path/filepath"
	"time"

	"latchkey/config"
	"latchkey/controller"
	"latchkey/internal/catalog"
	"latchkey/repository"
	"latchkey/service/account"
	"latchkey/service/link"
	"latchkey/service/mail"
	"latchkey/service/secret"
)

// newComposer returns the service that writes messages.
func newComposer(cfg config.Config, root secret.Root, now func() time.Time) *mail.Composer {
	notices := make([]mail.Kind, len(cfg.Accounts.Notices))
	for i, n := range cfg.Accounts.Notices {
		notices[i] = mail.Kind(n)
	}
	return mail.NewComposer(root, cfg.MailAvailable(), notices, now)
}

// linkURLs returns the pages that use one-time links: pages of the service, or of the operator's app.
func linkURLs(cfg config.Config) link.URLs {
	page := func(custom, path string) string {
		if custom != "" {
			return custom
		}
		return cfg.Server.PublicURL.String() + cfg.Server.BasePath + path + "?token=" + link.Placeholder
	}
	return link.URLs{
		Verify: page(cfg.Accounts.VerifyURL, controller.VerifyPath),
		Reset:  page(cfg.Accounts.ResetURL, controller.ResetPath),
		Undo:   page(cfg.Accounts.UndoURL, controller.UndoPath),
	}
}

// brand returns the look of the product.
func brand(cfg config.Config) catalog.Brand {
	return catalog.Brand{Name: cfg.Branding.Name, Color: cfg.Branding.Color, Logo: cfg.Branding.Logo}
}

// NewRenderer returns the writer of mails, with the texts of mail.templates. Its error joins the
// problems of each file.
func NewRenderer(cfg config.Config) (*mail.Renderer, error) {
	return mail.NewRenderer(cfg.Mail.Templates, brand(cfg), linkURLs(cfg))
}

// NewTransport returns the transport of mails: SMTP, or files in the embedded mode. It returns nil if
// the deployment sends no mail. The settings have been checked, except the file of mail.ca_file.
func NewTransport(cfg config.Config) (mail.Transport, error) {
	if !cfg.MailAvailable() {
		return nil, nil //nolint:nilnil // no transport is a valid setting
	}
	from, err := netmail.ParseAddress(cfg.Mail.From)
	if err != nil {
		return nil, err
	}
	sender := mail.Sender{From: *from}
	if sender.From.Address, err = mail.WireAddress(from.Address); err != nil {
		return nil, err
	}
	if cfg.Mail.ReplyTo != "" {
		if sender.ReplyTo, err = netmail.ParseAddress(cfg.Mail.ReplyTo); err != nil {
			return nil, err
		}
	}
	if cfg.Mail.URL.Empty() {
		return mail.NewFiles(filepath.Join(cfg.Data.Dir, "mail"), sender), nil
	}
	u, err := url.Parse(cfg.Mail.URL.Reveal())
	if err != nil {
		return nil, errors.New("mail.url is not a URL") // the error of url contains the password
	}
	return mail.NewSMTP(u, cfg.Mail.CAFile, sender)
}

// newMailer returns the worker that sends mails, or nil if the deployment sends none.
func newMailer(cfg config.Config, composer *mail.Composer, store repository.Store, now func() time.Time, log *slog.Logger) (*mail.Worker, error) {
	renderer, err := NewRenderer(cfg)
	if err != nil {
		return nil, fmt.Errorf("mail.templates: %w", err)
	}
	transport, err := NewTransport(cfg)
	if err != nil || transport == nil {
		return nil, err
	}
	return mail.NewWorker(composer, store, renderer, transport, cfg.Limits.MailsPerHour, account.EmailKey, now, log), nil
}
