package app

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"latchkey/config"
	"latchkey/repository/postgres"
	"latchkey/repository/redis"
	"latchkey/service/keys"
	"latchkey/service/password"
)

// CheckStores is a check of the settings. It reports URLs that the drivers refuse, and files of
// certificates that cannot be used, without a connection.
func CheckStores(cfg config.Config, report func(key, format string, args ...any)) {
	if !cfg.Database.URL.Empty() {
		if err := postgres.Check(cfg.Database.URL.Reveal()); err != nil {
			report("database.url", "%s", err)
		}
	}
	if cfg.Redis.URL.Empty() {
		return
	}
	options := redisOptions(cfg)
	// Package config reports a wrong mode, files without TLS, and one file of a pair.
	if !strings.HasPrefix(cfg.Redis.URL.Reveal(), "rediss://") {
		options.CAFile, options.CertFile, options.KeyFile = "", "", ""
	}
	if options.CertFile == "" || options.KeyFile == "" {
		options.CertFile, options.KeyFile = "", ""
	}
	for _, wrong := range redis.Check(cfg.Redis.URL.Reveal(), options) {
		if wrong.Setting != "mode" {
			report("redis."+wrong.Setting, "%s", wrong.Problem)
		}
	}
}

// CheckFiles is a check of the settings. It reports files that the service will read and that are
// missing or damaged. A command may run where they are not, so only the service needs it.
func CheckFiles(cfg config.Config, report func(key, format string, args ...any)) {
	if file := cfg.Password.BreachFile; file != "" {
		if f, _, err := openBreachFile(file); err != nil {
			report("password.breach_file", "%s", err)
		} else {
			_ = f.Close()
		}
	}
	if file := cfg.Tokens.KeysFile; file != "" {
		text, err := os.ReadFile(file)
		if err == nil {
			err = keys.CheckFile(text)
		}
		if err != nil {
			report("tokens.keys_file", "%s", err)
		}
	}
	if file := cfg.OAuth.ClientsFile; file != "" {
		_, err := declaredClients(file)
		for _, err := range each(err) {
			report("oauth.clients_file", "%s", err)
		}
	}
	_, err := NewRenderer(cfg)
	for _, err := range each(err) {
		report("mail.templates", "%s", err)
	}
	if _, err := NewTransport(cfg); err != nil {
		report("mail.ca_file", "%s", err)
	}
}

// each returns the errors that were joined in err.
func each(err error) []error {
	var joined interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &joined):
		return joined.Unwrap()
	}
	return []error{err}
}

// openBreachFile opens a list of breached passwords.
func openBreachFile(path string) (*os.File, *password.BreachFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	var list *password.BreachFile
	if err == nil {
		list, err = password.NewBreachFile(f, info.Size())
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, list, nil
}

func redisOptions(cfg config.Config) redis.Options {
	return redis.Options{
		Mode: redis.Mode(cfg.Redis.Mode), Prefix: cfg.Redis.Prefix,
		SentinelUsername: cfg.Redis.SentinelUsername, SentinelPassword: cfg.Redis.SentinelPassword.Reveal(),
		CAFile: cfg.Redis.CAFile, CertFile: cfg.Redis.CertFile, KeyFile: cfg.Redis.KeyFile, ServerName: cfg.Redis.ServerName,
	}
}
