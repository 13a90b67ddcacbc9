package config

import (
	"net/netip"
	"net/url"
	"time"
)

// Config contains every setting. The comment of a field documents the setting;
// docs/configuration.md has the same keys.
type Config struct {
	Server   Server   `mapstructure:"server"`
	Data     Data     `mapstructure:"data"`
	Database Database `mapstructure:"database"`
	Redis    Redis    `mapstructure:"redis"`
	Tokens   Tokens   `mapstructure:"tokens"`
	Refresh  Refresh  `mapstructure:"refresh"`
	Password Password `mapstructure:"password"`
	Login    Login    `mapstructure:"login"`
	Signup   Signup   `mapstructure:"signup"`
	Limits   Limits   `mapstructure:"limits"`
	CORS     CORS     `mapstructure:"cors"`
	Cookies  Cookies  `mapstructure:"cookies"`
	Demo     Demo     `mapstructure:"demo"`
	Errors   Errors   `mapstructure:"errors"`
	Log      Log      `mapstructure:"log"`
	Metrics  Metrics  `mapstructure:"metrics"`
	Traces   Traces   `mapstructure:"traces"`
	Audit    Audit    `mapstructure:"audit"`
	OAuth    OAuth    `mapstructure:"oauth"`
	Accounts Accounts `mapstructure:"accounts"`
	Mail     Mail     `mapstructure:"mail"`
	Branding Branding `mapstructure:"branding"`
}

// Server configures how the service is reached.
type Server struct {
	// Listen is the address and port to listen on.
	Listen string `mapstructure:"listen"`
	// PublicURL is the URL by which users reach the service. If it is empty and the service listens
	// on a loopback address, it is http://localhost and the port of server.listen. It determines
	// the names and attributes of the cookies, and the default of tokens.issuer. Its path is a
	// prefix that a proxy strips.
	PublicURL *url.URL `mapstructure:"public_url"`
	// BasePath is the prefix of all API paths; it may be empty.
	BasePath string `mapstructure:"base_path"`
	// TrustedProxies are the networks whose X-Forwarded-For is trusted.
	TrustedProxies []netip.Prefix `mapstructure:"trusted_proxies"`
	// DrainDelay is the time after SIGTERM during which the service continues to accept requests
	// while it reports that it is not ready.
	DrainDelay time.Duration `mapstructure:"drain_delay"`
	// RequestTimeout is the time limit of a whole request.
	RequestTimeout time.Duration `mapstructure:"request_timeout"`
	// IdleTimeout is the time after which an idle connection is closed. It must be longer than the
	// idle timeout of the load balancer.
	IdleTimeout time.Duration `mapstructure:"idle_timeout"`
}

// Data configures the files of the embedded mode.
type Data struct {
	// Dir is the directory of the database and the secret.
	Dir string `mapstructure:"dir"`
}

// Database configures the Postgres server of a deployment.
type Database struct {
	// URL is a postgres:// URL; empty: the embedded mode.
	URL Secret `mapstructure:"url"`
	// MaxConns is the maximum number of connections of this process.
	MaxConns int `mapstructure:"max_conns"`
}

// Redis configures the session store of a deployment.
type Redis struct {
	// URL is a redis:// or rediss:// URL; empty: the embedded mode.
	URL Secret `mapstructure:"url"`
	// Mode is the topology of the servers behind the URL: standalone, sentinel (the URL names the
	// sentinels, with ?master_name=), or cluster.
	Mode string `mapstructure:"mode"`
	// Prefix is the prefix of every key.
	Prefix string `mapstructure:"prefix"`
	// SentinelUsername is the user at the sentinels. The user in the URL is for the data servers.
	SentinelUsername string `mapstructure:"sentinel_username"`
	// SentinelPassword is the password at the sentinels. The password in the URL is for the data
	// servers.
	SentinelPassword Secret `mapstructure:"sentinel_password"`
	// CAFile is a PEM file with the CA certificates for the servers of a rediss:// URL; empty: the
	// CA certificates of the system.
	CAFile string `mapstructure:"ca_file"`
	// CertFile is the client certificate, in PEM, for servers that require one. It is read for each
	// connection, so a renewal needs no restart.
	CertFile string `mapstructure:"cert_file"`
	// KeyFile is the private key of redis.cert_file, in PEM.
	KeyFile string `mapstructure:"key_file"`
	// ServerName is the name in the certificates of all servers; empty: each server is verified by
	// the name or address by which it is reached.
	ServerName string `mapstructure:"server_name"`
}

// Tokens configures access and refresh tokens.
type Tokens struct {
	// Issuer is the iss of every token; empty: the public URL.
	Issuer string `mapstructure:"issuer"`
	// Audience is the aud of access tokens.
	Audience string `mapstructure:"audience"`
	// AccessTTL is the lifetime of an access token. Each token gets up to 5 % less, at random.
	AccessTTL time.Duration `mapstructure:"access_ttl"`
	// Secret is the root of every key, 32 bytes or more. If it is empty in the embedded mode, the
	// service generates it once and keeps it in data.dir.
	Secret Secret `mapstructure:"secret"`
	// Algorithm is the algorithm of access tokens: ES256, EdDSA or RS256, whose public keys are
	// published, or HS256, which only the service can verify; auto: ES256 in a new installation,
	// otherwise the algorithm of the existing keys. After a change the service publishes a new key
	// and rotates to it automatically.
	Algorithm string `mapstructure:"algorithm"`
	// KeyRotation is the time after which the service rotates the signing key automatically; 0:
	// only by latchkey key rotate.
	KeyRotation time.Duration `mapstructure:"key_rotation"`
	// KeysFile is a JWK Set with the private keys for access tokens; empty: they are in the
	// database, encrypted.
	KeysFile string `mapstructure:"keys_file"`
	// Delivery is how tokens are delivered unless the client chooses: auto, cookie, body.
	Delivery string `mapstructure:"delivery"`
}

// Refresh configures the lifetime of sessions and the rotation of refresh tokens.
type Refresh struct {
	// Rotate replaces a refresh token when it is used.
	Rotate bool `mapstructure:"rotate"`
	// Sliding extends the idle expiry with each use.
	Sliding bool `mapstructure:"sliding"`
	// IdleTTL is the time after which an unused session expires.
	IdleTTL time.Duration `mapstructure:"idle_ttl"`
	// AbsoluteTTL is the maximum lifetime of a session.
	AbsoluteTTL time.Duration `mapstructure:"absolute_ttl"`
	// Preset is standard or strict. Strict has no grace time and no recovery, so a token is valid
	// for one use even if the response is lost.
	Preset string `mapstructure:"preset"`
	// Grace is how long a replaced token is still accepted, for concurrent requests of one client.
	// A new token is not replaced within twice that time.
	Grace time.Duration `mapstructure:"grace"`
	// Recovery is the time after its replacement in which a token whose successor was never used
	// can still be exchanged, at most 3 times a day.
	Recovery time.Duration `mapstructure:"recovery"`
	// MaxSessions is the maximum number of live sessions of a user. A login beyond it ends the
	// session that was idle the longest.
	MaxSessions int `mapstructure:"max_sessions"`
	// HeaderRTVerify lets rtVerify accept the refresh token in a header. There the token is not
	// replaced, so a stolen token is not detected.
	HeaderRTVerify bool `mapstructure:"header_rtverify"`
}

// Password configures passwords and their hashes.
type Password struct {
	// BcryptCost is the cost of new hashes, 10 to 15.
	BcryptCost int `mapstructure:"bcrypt_cost"`
	// MinLength is the minimum length of a password, in characters; 8 or more.
	MinLength int `mapstructure:"min_length"`
	// BreachFile is a sorted list of SHA-1 digests of breached passwords, which are refused; empty:
	// none. It is searched on disk and not loaded into memory.
	BreachFile string `mapstructure:"breach_file"`
}

// Login configures logins.
type Login struct {
	// RevealUnknownUser responds with 404 for a user that does not exist. This reveals to any
	// client which accounts exist.
	RevealUnknownUser bool `mapstructure:"reveal_unknown_user"`
}

// Signup configures the creation of accounts.
type Signup struct {
	// Enabled lets any client create an account. Administrators always can.
	Enabled bool `mapstructure:"enabled"`
}

// Limits configures delays after failures, and rate limits. A number of 0 disables a limit.
type Limits struct {
	// LoginAccountAddress is the number of failed logins of one account from one address without a
	// delay. Each further failure doubles the delay.
	LoginAccountAddress int `mapstructure:"login_account_address"`
	// LoginAccount is the number of failed logins of one account without a delay, from all
	// addresses.
	LoginAccount int `mapstructure:"login_account"`
	// LoginAddress is the number of failed logins from one address without a delay, for all
	// accounts. An address is an IPv4 address or an IPv6 /64.
	LoginAddress int `mapstructure:"login_address"`
	// LoginClient is the number of failed logins without a delay through an OAuth client whose
	// server passes passwords on.
	LoginClient int `mapstructure:"login_client"`
	// LoginDevice is the number of failed logins without a delay on a device on which the user has
	// logged in before. Failures elsewhere do not count there.
	LoginDevice int `mapstructure:"login_device"`
	// LoginsPerHour is the number of successful logins of one account in an hour without a delay.
	// Each further login doubles the delay, up to a minute.
	LoginsPerHour int `mapstructure:"logins_per_hour"`
	// LoginDelay is the first delay.
	LoginDelay time.Duration `mapstructure:"login_delay"`
	// LoginMaxDelay is the longest delay.
	LoginMaxDelay time.Duration `mapstructure:"login_max_delay"`
	// LoginForget is the time after the last failed login after which the failures are forgotten.
	LoginForget time.Duration `mapstructure:"login_forget"`
	// RecoveryAccount is the number of mails that may be requested for one address in an hour
	// without a delay, and by one user. Each further request doubles the delay.
	RecoveryAccount int `mapstructure:"recovery_account"`
	// RecoveryAddress is the number of mails that may be requested from one network address in an
	// hour without a delay, and of one-time links that may be refused.
	RecoveryAddress int `mapstructure:"recovery_address"`
	// MailsPerHour is the number of mails that one recipient receives in an hour. Each kind of
	// security notice is counted separately. Further mails are dropped.
	MailsPerHour int `mapstructure:"mails_per_hour"`
	// SignupsPerHour is the number of accounts that one address may create in an hour, at each
	// replica.
	SignupsPerHour int `mapstructure:"signups_per_hour"`
	// RequestsPerSecond is the number of requests that one address may send in a second, at each
	// replica. A burst may be twice as large.
	RequestsPerSecond int `mapstructure:"requests_per_second"`
}

// CORS configures which other origins may use the API from a browser.
type CORS struct {
	// Origins are the allowed origins, each with the exact scheme, host and port.
	Origins []string `mapstructure:"origins"`
}

// Demo configures the page that demonstrates the service.
type Demo struct {
	// Enabled is on, off or auto. With auto the page is enabled if users reach the service by http
	// on this machine. The page is at /demo.
	Enabled string `mapstructure:"enabled"`
}

// DemoEnabled reports whether the page is served.
func (c Config) DemoEnabled() bool {
	return c.Demo.Enabled == "on" || c.Demo.Enabled == "auto" && c.Server.PublicURL.Scheme == "http"
}

// Audit configures the audit log.
type Audit struct {
	// Retention is how long audit records are kept; 0: forever.
	Retention time.Duration `mapstructure:"retention"`
}

// OAuth configures the OAuth clients.
type OAuth struct {
	// ClientsFile is a YAML file that declares clients. The service creates and changes them
	// accordingly when it starts, and so does latchkey client apply; empty: no declared clients.
	ClientsFile string `mapstructure:"clients_file"`
}

// Errors configures error responses.
type Errors struct {
	// Status maps an error to another status, for clients that expect it: token_expired=419.
	Status map[string]int `mapstructure:"status"`
}

// Log configures the log of the program.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `mapstructure:"level"`
	// Format is json, text or auto. With auto it is text on a terminal, and json otherwise.
	Format string `mapstructure:"format"`
}

// Default returns the default settings. They are complete for the embedded mode.
func Default() Config {
	return Config{
		Server: Server{
			Listen: "127.0.0.1:8080", BasePath: "/api",
			DrainDelay: 3 * time.Second, RequestTimeout: 5 * time.Second,
			IdleTimeout: 620 * time.Second, // some load balancers keep connections for 600 s
		},
		Data:     Data{Dir: "./data"},
		Database: Database{MaxConns: 16},
		Redis:    Redis{Mode: "standalone", Prefix: "latchkey:"},
		Tokens:   Tokens{Audience: "latchkey", AccessTTL: 10 * time.Minute, Algorithm: "auto", Delivery: "auto"},
		Refresh: Refresh{
			Rotate: true, Sliding: true,
			IdleTTL: 14 * 24 * time.Hour, AbsoluteTTL: 30 * 24 * time.Hour,
			Preset: "standard", Grace: 10 * time.Second, Recovery: 24 * time.Hour, MaxSessions: 50, HeaderRTVerify: true,
		},
		Password: Password{BcryptCost: 12, MinLength: 8},
		Signup:   Signup{Enabled: true},
		Limits: Limits{
			LoginAccountAddress: 5, LoginAccount: 20, LoginAddress: 50, LoginClient: 1000, LoginDevice: 10, LoginsPerHour: 100,
			LoginDelay: time.Second, LoginMaxDelay: 15 * time.Minute, LoginForget: 24 * time.Hour, SignupsPerHour: 100,
			RecoveryAccount: 5, RecoveryAddress: 50, MailsPerHour: 5,
		},
		Cookies:  Cookies{SameSite: "default"},
		Demo:     Demo{Enabled: "auto"},
		Traces:   Traces{SamplePercent: 10},
		Audit:    Audit{Retention: 365 * 24 * time.Hour},
		Log:      Log{Level: "info", Format: "auto"},
		Accounts: Accounts{Verify: VerifyOptional, Notices: []string{"new_device", "token_reused"}},
		Branding: Branding{Color: "#2456c7"},
	}
}

// Embedded reports whether the service uses only SQLite.
func (c Config) Embedded() bool {
	return c.Database.URL.Empty() && c.Redis.URL.Empty()
}
