package config

import (
	"net/netip"
	"net/url"
	"time"
)

// Config is every setting. The comment of a field is its documentation;
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
}

// Server is how the service is reached.
type Server struct {
	// Listen is the address and port to listen on.
	Listen string `mapstructure:"listen"`
	// PublicURL is how users reach the service; empty on a loopback address:
	// http://localhost and the port of server.listen. It decides the names and
	// attributes of the cookies, and the default of tokens.issuer. Its path is a prefix
	// that a proxy strips.
	PublicURL *url.URL `mapstructure:"public_url"`
	// BasePath is what the paths of the API start with; may be empty.
	BasePath string `mapstructure:"base_path"`
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `mapstructure:"trusted_proxies"`
	// DrainDelay is how long the service goes on accepting requests after
	// SIGTERM while it reports that it is not ready.
	DrainDelay time.Duration `mapstructure:"drain_delay"`
	// RequestTimeout bounds a request as a whole.
	RequestTimeout time.Duration `mapstructure:"request_timeout"`
	// IdleTimeout is how long a connection is kept without a request. It must be longer
	// than the load balancer in front keeps it.
	IdleTimeout time.Duration `mapstructure:"idle_timeout"`
}

// Data is where the embedded mode keeps its files.
type Data struct {
	// Dir is the directory of the database and the secret.
	Dir string `mapstructure:"dir"`
}

// Database is the Postgres of a deployment.
type Database struct {
	// URL is a postgres:// URL; empty: the embedded mode.
	URL Secret `mapstructure:"url"`
	// MaxConns bounds the connections of this process.
	MaxConns int `mapstructure:"max_conns"`
}

// Redis is the session store of a deployment.
type Redis struct {
	// URL is a redis:// or rediss:// URL; empty: the embedded mode.
	URL Secret `mapstructure:"url"`
	// Mode is how the servers behind the URL work together: standalone,
	// sentinel (the URL names the sentinels, with ?master_name=), or cluster.
	Mode string `mapstructure:"mode"`
	// Prefix starts every key.
	Prefix string `mapstructure:"prefix"`
	// SentinelUsername is the user at the sentinels; that of the URL is for the data
	// servers.
	SentinelUsername string `mapstructure:"sentinel_username"`
	// SentinelPassword is the password at the sentinels; that of the URL is for the data
	// servers.
	SentinelPassword Secret `mapstructure:"sentinel_password"`
	// CAFile has the certificates, in PEM, that vouch for the servers of a rediss:// URL;
	// empty: those of the system.
	CAFile string `mapstructure:"ca_file"`
	// CertFile is the certificate, in PEM, for servers that ask for one. It is read for
	// each connection, so a renewal needs no restart.
	CertFile string `mapstructure:"cert_file"`
	// KeyFile is the key of redis.cert_file, in PEM.
	KeyFile string `mapstructure:"key_file"`
	// ServerName is the name in the certificates of all servers; empty: each server is
	// verified by the name or address by which it is reached.
	ServerName string `mapstructure:"server_name"`
}

// Tokens is about access and refresh tokens.
type Tokens struct {
	// Issuer is the iss of every token; empty: the public URL.
	Issuer string `mapstructure:"issuer"`
	// Audience is the aud of access tokens.
	Audience string `mapstructure:"audience"`
	// AccessTTL is how long an access token is valid, less up to 5 % at random.
	AccessTTL time.Duration `mapstructure:"access_ttl"`
	// Secret is the root of every key, 32 bytes or more; empty in the embedded
	// mode: drawn once and kept in data.dir.
	Secret Secret `mapstructure:"secret"`
	// Algorithm is the algorithm of access tokens: ES256, EdDSA or RS256, whose public keys
	// are published, or HS256, which the service alone can verify; auto: ES256 in a new
	// installation, and in others the algorithm that they have. A change publishes a new key
	// and rotates to it by itself.
	Algorithm string `mapstructure:"algorithm"`
	// KeyRotation is how long a key signs before the next one does, by itself;
	// 0: until latchkey key rotate.
	KeyRotation time.Duration `mapstructure:"key_rotation"`
	// KeysFile is a JWK Set with the private keys for access tokens; empty: they
	// are in the database, encrypted.
	KeysFile string `mapstructure:"keys_file"`
	// Delivery is how tokens travel unless the client says: auto, cookie, body.
	Delivery string `mapstructure:"delivery"`
}

// Refresh is the life of a session.
type Refresh struct {
	// Rotate replaces a refresh token when it is used.
	Rotate bool `mapstructure:"rotate"`
	// Sliding moves the idle expiry with each use.
	Sliding bool `mapstructure:"sliding"`
	// IdleTTL is how long a session lives unused.
	IdleTTL time.Duration `mapstructure:"idle_ttl"`
	// AbsoluteTTL is how long a session lives at most.
	AbsoluteTTL time.Duration `mapstructure:"absolute_ttl"`
	// Preset is standard, or strict: no grace and no recovery, so that a token is
	// good for one use whatever becomes of the answer.
	Preset string `mapstructure:"preset"`
	// Grace is how long a replaced token is still honoured, for requests of one
	// client that cross; a token is not replaced within double that time.
	Grace time.Duration `mapstructure:"grace"`
	// Recovery is how long after it a token whose successor was never used can
	// still be exchanged, 3 times a day at most.
	Recovery time.Duration `mapstructure:"recovery"`
	// MaxSessions is how many live sessions a user may have; a login beyond it
	// ends the one that was idle the longest.
	MaxSessions int `mapstructure:"max_sessions"`
	// HeaderRTVerify lets rtVerify take the refresh token in a header, where it
	// is not replaced and a thief is not found.
	HeaderRTVerify bool `mapstructure:"header_rtverify"`
}

// Password is about passwords and their hashes.
type Password struct {
	// BcryptCost is the cost of new hashes, 10 to 15.
	BcryptCost int `mapstructure:"bcrypt_cost"`
	// MinLength is the shortest password allowed, in characters; 8 or more.
	MinLength int `mapstructure:"min_length"`
	// BreachFile is a sorted list of SHA-1 digests of breached passwords, which
	// are refused; empty: none. It is searched where it lies.
	BreachFile string `mapstructure:"breach_file"`
}

// Login is about logging in.
type Login struct {
	// RevealUnknownUser answers 404 for a user who does not exist, which tells
	// anyone who has an account.
	RevealUnknownUser bool `mapstructure:"reveal_unknown_user"`
}

// Signup is about creating accounts.
type Signup struct {
	// Enabled lets anyone create an account; administrators always may.
	Enabled bool `mapstructure:"enabled"`
}

// Limits slow down whoever fails or asks too often. A number of 0 turns one off.
type Limits struct {
	// LoginAccountAddress is how many failed log-ins of one account from one
	// address are free; each after that doubles the delay.
	LoginAccountAddress int `mapstructure:"login_account_address"`
	// LoginAccount is how many failed log-ins of one account are free, wherever
	// they come from.
	LoginAccount int `mapstructure:"login_account"`
	// LoginAddress is how many failed log-ins from one address are free, of
	// whatever accounts; an address is an IPv4 address or an IPv6 /64.
	LoginAddress int `mapstructure:"login_address"`
	// LoginClient is how many failed log-ins are free of an OAuth client whose
	// server passes passwords on.
	LoginClient int `mapstructure:"login_client"`
	// LoginDevice is how many failed log-ins are free on a device that the user
	// has logged in on before; what others do does not count there.
	LoginDevice int `mapstructure:"login_device"`
	// LoginsPerHour is how many successful log-ins of one account are free in an
	// hour; each after that doubles the delay, up to a minute.
	LoginsPerHour int `mapstructure:"logins_per_hour"`
	// LoginDelay is the first delay.
	LoginDelay time.Duration `mapstructure:"login_delay"`
	// LoginMaxDelay is the longest delay.
	LoginMaxDelay time.Duration `mapstructure:"login_max_delay"`
	// LoginForget is how long failed log-ins are remembered after the last one.
	LoginForget time.Duration `mapstructure:"login_forget"`
	// SignupsPerHour is how many accounts one address may create in an hour, at
	// each replica.
	SignupsPerHour int `mapstructure:"signups_per_hour"`
	// RequestsPerSecond is how many requests one address may send in a second, at
	// each replica; twice as many at once.
	RequestsPerSecond int `mapstructure:"requests_per_second"`
}

// CORS is which other origins may use the API from a browser.
type CORS struct {
	// Origins are exact: scheme, host and port.
	Origins []string `mapstructure:"origins"`
}

// Demo is a page that shows what the service does.
type Demo struct {
	// Enabled is on, off, or auto: on where users reach the service by http on
	// this machine. The page is at /demo.
	Enabled string `mapstructure:"enabled"`
}

// DemoEnabled reports whether the page is served.
func (c Config) DemoEnabled() bool {
	return c.Demo.Enabled == "on" || c.Demo.Enabled == "auto" && c.Server.PublicURL.Scheme == "http"
}

// Audit is about the audit log.
type Audit struct {
	// Retention is how long records are kept; 0: for ever.
	Retention time.Duration `mapstructure:"retention"`
}

// OAuth is about the OAuth clients.
type OAuth struct {
	// ClientsFile describes clients, in YAML. The start and latchkey client apply create and
	// change them accordingly; empty: none are described.
	ClientsFile string `mapstructure:"clients_file"`
}

// Errors is how errors are answered.
type Errors struct {
	// Status maps an error to another status, for clients that wait for it:
	// token_expired=419.
	Status map[string]int `mapstructure:"status"`
}

// Log is about the program's log.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `mapstructure:"level"`
	// Format is json, text, or auto: text on a terminal, else json.
	Format string `mapstructure:"format"`
}

// Default returns the settings of the embedded mode, which needs none.
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
		},
		Cookies: Cookies{SameSite: "default"},
		Demo:    Demo{Enabled: "auto"},
		Traces:  Traces{SamplePercent: 10},
		Audit:   Audit{Retention: 365 * 24 * time.Hour},
		Log:     Log{Level: "info", Format: "auto"},
	}
}

// Embedded reports whether the service runs on SQLite alone.
func (c Config) Embedded() bool {
	return c.Database.URL.Empty() && c.Redis.URL.Empty()
}
