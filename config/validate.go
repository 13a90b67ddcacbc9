package config

import (
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validate completes the settings that depend on other settings (the public URL, the issuer),
// and reports every problem with its key.
func (c *Config) validate(p *problems) {
	c.validateServer(p)
	c.validateStores(p)
	c.validateTokens(p)

	if c.Password.BcryptCost < 10 || c.Password.BcryptCost > 15 {
		p.add("password.bcrypt_cost", "must be between 10 and 15")
	}
	if c.Password.MinLength < 8 || c.Password.MinLength > 72 {
		p.add("password.min_length", "must be between 8 and 72")
	}
	c.validateOrigins(p)
	for _, code := range slices.Sorted(maps.Keys(c.Errors.Status)) {
		if status := c.Errors.Status[code]; status < 400 || status > 499 {
			p.add("errors.status", "%s must be mapped to a status from 400 to 499", code)
		}
	}
	c.validateCookies(p)
	c.validateLimits(p)
	c.validateMetrics(p)
	c.validateTraces(p)
	c.validateMail(p)
	c.validateAccounts(p)
	c.validateBranding(p)
	if c.Audit.Retention != 0 {
		p.between("audit.retention", c.Audit.Retention, 24*time.Hour, 36500*24*time.Hour)
	}
	p.oneOf("demo.enabled", c.Demo.Enabled, "auto", "on", "off")
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "auto", "json", "text")
}

func (c *Config) validateLimits(p *problems) {
	for _, l := range []struct {
		key string
		n   int
	}{
		{"limits.login_account_address", c.Limits.LoginAccountAddress},
		{"limits.login_account", c.Limits.LoginAccount},
		{"limits.login_address", c.Limits.LoginAddress},
		{"limits.login_client", c.Limits.LoginClient},
		{"limits.login_device", c.Limits.LoginDevice},
		{"limits.logins_per_hour", c.Limits.LoginsPerHour},
		{"limits.signups_per_hour", c.Limits.SignupsPerHour},
		{"limits.recovery_account", c.Limits.RecoveryAccount},
		{"limits.recovery_address", c.Limits.RecoveryAddress},
		{"limits.mails_per_hour", c.Limits.MailsPerHour},
		{"limits.requests_per_second", c.Limits.RequestsPerSecond},
	} {
		if l.n < 0 || l.n > 1_000_000 {
			p.add(l.key, "must be between 0 (off) and 1000000")
		}
	}
	p.between("limits.login_delay", c.Limits.LoginDelay, 100*time.Millisecond, time.Hour)
	p.between("limits.login_max_delay", c.Limits.LoginMaxDelay, c.Limits.LoginDelay, 24*time.Hour)
	p.between("limits.login_forget", c.Limits.LoginForget, time.Minute, 30*24*time.Hour)
}

func (c *Config) validateServer(p *problems) {
	host, port, err := net.SplitHostPort(c.Server.Listen)
	if err != nil {
		p.add("server.listen", "must be an address and a port, as in 127.0.0.1:8080")
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		p.add("server.listen", "must have a port from 0 to 65535")
		return
	}
	if !plainPath(c.Server.BasePath) {
		p.add("server.base_path", "must be empty, or start with a slash and end without one, as in /api")
	}
	p.between("server.drain_delay", c.Server.DrainDelay, 0, time.Minute)
	p.between("server.request_timeout", c.Server.RequestTimeout, time.Second, time.Minute)
	p.between("server.idle_timeout", c.Server.IdleTimeout, time.Second, 24*time.Hour)

	if c.Server.PublicURL == nil || *c.Server.PublicURL == (url.URL{}) {
		if !loopback(host) {
			p.add("server.public_url", "must be the URL by which users reach the service if server.listen is not a loopback address")
			return
		}
		c.Server.PublicURL = &url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}
	}
	c.validatePublicURL(p)
}

func (c *Config) validatePublicURL(p *problems) {
	u := c.Server.PublicURL
	if u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.ForceQuery || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		p.add("server.public_url", "must be of the form https://auth.example.org")
		return
	}
	host, err := canonicalHost(u)
	if err != nil {
		p.add("server.public_url", "has a host that browsers do not accept: %s", err)
		return
	}
	u.Host, u.Path, u.RawPath = host, strings.TrimSuffix(u.Path, "/"), ""
	switch {
	case !plainPath(u.Path):
		p.add("server.public_url", "has an invalid path: write it as in https://example.org/auth")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		p.add("server.public_url", "must be https unless the host is a loopback host: over http attackers on the network can read the tokens")
	}
}

// plainPath reports whether every proxy and browser reads a path in the same way.
func plainPath(s string) bool {
	return s == "" || strings.HasPrefix(s, "/") && s != "/" && path.Clean(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(":*?#%;,\\\"'<>", r) })
}

// validateStores requires both URLs and the secret, or neither URL.
func (c *Config) validateStores(p *problems) {
	if c.Embedded() {
		if c.Data.Dir == "" {
			p.add("data.dir", "must name a directory")
		}
	} else {
		const why = "must be set: Postgres and Redis need database.url, redis.url and tokens.secret"
		for _, s := range []struct {
			key   string
			value Secret
		}{{"database.url", c.Database.URL}, {"redis.url", c.Redis.URL}, {"tokens.secret", c.Tokens.Secret}} {
			if s.value.Empty() {
				p.add(s.key, why)
			}
		}
	}
	checkStoreURL(p, "database.url", c.Database.URL, "postgres", "postgresql")
	checkStoreURL(p, "redis.url", c.Redis.URL, "redis", "rediss", "unix")
	if c.Database.MaxConns < 1 || c.Database.MaxConns > 1000 {
		p.add("database.max_conns", "must be between 1 and 1000")
	}
	p.oneOf("redis.mode", c.Redis.Mode, "standalone", "sentinel", "cluster")
	if c.Redis.Mode != "sentinel" {
		for key, set := range map[string]bool{"redis.sentinel_username": c.Redis.SentinelUsername != "", "redis.sentinel_password": !c.Redis.SentinelPassword.Empty()} {
			if set {
				p.add(key, "requires redis.mode sentinel")
			}
		}
	}
	if !strings.HasPrefix(c.Redis.URL.Reveal(), "rediss://") {
		for key, value := range map[string]string{
			"redis.ca_file": c.Redis.CAFile, "redis.cert_file": c.Redis.CertFile, "redis.key_file": c.Redis.KeyFile, "redis.server_name": c.Redis.ServerName,
		} {
			if value != "" {
				p.add(key, "requires TLS: write redis.url with rediss://")
			}
		}
	}
	if (c.Redis.CertFile == "") != (c.Redis.KeyFile == "") {
		p.add("redis.cert_file", "requires redis.key_file, and redis.key_file requires redis.cert_file")
	}
	if c.Redis.Prefix == "" || strings.ContainsAny(c.Redis.Prefix, "{} \n") {
		p.add("redis.prefix", "must not be empty or contain braces or spaces")
	}
}

// checkStoreURL refuses a value that a driver would misread. Without a scheme, one driver reads
// it as a list of keywords; with an unescaped password, the host changes. The checks of the caller
// then do not see the value again.
func checkStoreURL(p *problems, key string, value Secret, schemes ...string) {
	if value.Empty() || p.bad[key] {
		return
	}
	scheme, rest, found := strings.Cut(value.Reveal(), "://")
	authority, after := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, after = rest[:i], rest[i:]
	}
	switch {
	case !found || !slices.Contains(schemes, scheme):
		p.unread(p.where[key], key, "must start with %s://", strings.Join(schemes, ":// or "))
	case strings.ContainsFunc(value.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }):
		p.unread(p.where[key], key, "has white space, a quote or a character outside ASCII: remove it, or percent-encode it")
	case strings.Count(authority, "@") > 1, strings.ContainsAny(after, "@#"):
		p.unread(p.where[key], key, "has a user or password with characters that must be percent-encoded: "+
			"@ as %%40, : as %%3A, / as %%2F, ? as %%3F, # as %%23, %% as %%25")
	}
}

func (c *Config) validateTokens(p *problems) {
	if c.Tokens.Issuer == "" && c.Server.PublicURL != nil {
		c.Tokens.Issuer = c.Server.PublicURL.String()
	}
	if c.Tokens.Audience == "" {
		p.add("tokens.audience", "must not be empty")
	}
	if c.Tokens.Audience == c.Tokens.Issuer {
		p.add("tokens.audience", "must differ from tokens.issuer, which is the audience of refresh tokens")
	}
	if !c.Tokens.Secret.Empty() {
		if err := CheckSecret(c.Tokens.Secret); err != nil {
			p.add("tokens.secret", "%s", err)
		}
	}
	p.oneOf("tokens.algorithm", c.Tokens.Algorithm, "auto", "ES256", "EdDSA", "RS256", "HS256")
	if c.Tokens.KeyRotation != 0 {
		p.between("tokens.key_rotation", c.Tokens.KeyRotation, time.Hour, 3650*24*time.Hour)
	}
	p.oneOf("tokens.delivery", c.Tokens.Delivery, "auto", "cookie", "body")
	p.between("tokens.access_ttl", c.Tokens.AccessTTL, time.Minute, 24*time.Hour)
	p.between("refresh.absolute_ttl", c.Refresh.AbsoluteTTL, time.Minute, 3650*24*time.Hour)
	p.between("refresh.idle_ttl", c.Refresh.IdleTTL, time.Minute, 3650*24*time.Hour)
	p.between("refresh.grace", c.Refresh.Grace, 0, time.Minute)
	p.between("refresh.recovery", c.Refresh.Recovery, 0, 30*24*time.Hour)
	p.oneOf("refresh.preset", c.Refresh.Preset, "standard", "strict")
	if c.Refresh.MaxSessions < 1 || c.Refresh.MaxSessions > 1000 {
		p.add("refresh.max_sessions", "must be between 1 and 1000")
	}
	if c.Refresh.Recovery > 0 && c.Refresh.Recovery < c.Refresh.Grace {
		p.add("refresh.recovery", "must be 0 or not shorter than refresh.grace")
	}
	if c.Refresh.IdleTTL > c.Refresh.AbsoluteTTL {
		p.add("refresh.idle_ttl", "must not be longer than refresh.absolute_ttl")
	}
	if c.Tokens.AccessTTL >= c.Refresh.IdleTTL {
		p.add("tokens.access_ttl", "must be shorter than refresh.idle_ttl, else sessions end before a refresh")
	}
}
