package redis

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// retries is how often the driver retries a command. A retry is harmless, because it has the
// same operation ID and so the same outcome. Each retry dials once: the five attempts of the
// driver would take longer than the timeouts.
const (
	retries     = 1
	dialRetries = 1
	// protocol is RESP 2. With RESP 3 the driver looks for push messages before each
	// reply, which this package does not use.
	protocol = 2
)

// SettingError is a problem with one option, which it names as the settings do.
type SettingError struct {
	Setting string // url, ca_file, …
	Problem string
}

// Error implements error.
func (e *SettingError) Error() string { return e.Setting + ": " + e.Problem }

// Check returns every problem with a URL and options that can be found without a connection. Each
// is a SettingError. An error of the driver is not returned, because it may contain the URL with
// its password.
func Check(address string, o Options) []*SettingError {
	_, problems := configure(address, o)
	return problems
}

// configure returns a function that makes the client for a mode. Reads go to the primary, because a
// replica may lag behind and show a superseded token as live. Without ContextTimeoutEnabled the
// deadline of a request would not stop a read.
func configure(address string, o Options) (connect func() redis.UniversalClient, problems []*SettingError) {
	wrong := func(setting, problem string) { problems = append(problems, &SettingError{setting, problem}) }
	switch o.Mode {
	case "", Standalone:
		c, err := redis.ParseURL(address)
		if err != nil || c.Network == "tcp" && badPorts(c.Addr) {
			return nil, []*SettingError{{"url", "not of the form redis://user:password@host:port/number"}}
		}
		problems = append(problems, secure(c.TLSConfig, o)...)
		c.DisableIdentity = true
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		return func() redis.UniversalClient { return redis.NewClient(c) }, problems
	case Sentinel:
		c, err := redis.ParseFailoverURL(address)
		if err != nil || c.MasterName == "" || badPorts(c.SentinelAddrs...) {
			return nil, []*SettingError{{"url", "not of the form redis://user:password@sentinel:port/number?master_name=name&addr=sentinel2:port"}}
		}
		// The driver uses the user and password of the URL for the sentinels, and those in its query
		// for the data servers.
		switch {
		case c.Username == "" && c.Password == "":
			c.Username, c.Password = c.SentinelUsername, c.SentinelPassword
			c.SentinelUsername, c.SentinelPassword = o.SentinelUsername, o.SentinelPassword
		case o.SentinelPassword != "" || o.SentinelUsername != "":
			setting := "sentinel_password"
			if o.SentinelPassword == "" {
				setting = "sentinel_username"
			}
			wrong(setting, "cannot be combined with username or password in the query of redis.url: "+
				"write the user and password of the data servers before the host of the URL, as in redis://user:password@sentinel:26379")
		}
		problems = append(problems, secure(c.TLSConfig, o)...)
		c.DisableIdentity = true
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		c.ReplicaOnly, c.RouteByLatency, c.RouteRandomly = false, false, false
		return func() redis.UniversalClient { return redis.NewFailoverClient(c) }, problems
	case Cluster:
		address, skip := withoutSkipVerify(address)
		c, err := redis.ParseClusterURL(address)
		if err != nil || badPorts(c.Addrs...) {
			return nil, []*SettingError{{"url", "not of the form redis://user:password@node:port?addr=node2:port&addr=node3:port"}}
		}
		if number := path.Base(databaseOf(address)); number != "." && number != "/" && number != "0" {
			wrong("url", "a Redis Cluster has only database 0: remove the number")
		}
		if c.TLSConfig != nil {
			c.TLSConfig.InsecureSkipVerify = skip
		}
		problems = append(problems, secure(c.TLSConfig, o)...)
		c.DisableIdentity = true
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		c.ReadOnly, c.RouteByLatency, c.RouteRandomly = false, false, false
		c.DisableRoutingPolicies = true // the driver would read them by COMMAND; if the user may not run that, at each call
		return func() redis.UniversalClient { return redis.NewClusterClient(c) }, problems
	}
	return nil, []*SettingError{{"mode", fmt.Sprintf("unknown mode %q", o.Mode)}}
}

// badPorts reports whether an address has a port that does not exist. The driver accepts it.
func badPorts(addresses ...string) bool {
	return slices.ContainsFunc(addresses, func(a string) bool {
		_, port, err := net.SplitHostPort(a)
		if err != nil {
			return true
		}
		n, err := strconv.ParseUint(port, 10, 16)
		return err != nil || n == 0
	})
}

// secure completes the TLS settings of a rediss:// URL. Each server is verified by the name
// that it was dialed by, unless ServerName is set. The driver would use the name of the first
// host for all servers.
func secure(c *tls.Config, o Options) (problems []*SettingError) {
	wrong := func(setting, problem string) { problems = append(problems, &SettingError{setting, problem}) }
	if c == nil {
		if o.CAFile != "" || o.CertFile != "" || o.KeyFile != "" {
			wrong("ca_file, cert_file and key_file", "are for a rediss:// URL")
		}
		return problems
	}
	c.ServerName, c.MinVersion = o.ServerName, tls.VersionTLS12
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		c.RootCAs = x509.NewCertPool()
		if err != nil {
			wrong("ca_file", err.Error())
		} else if !c.RootCAs.AppendCertsFromPEM(text) {
			wrong("ca_file", "it contains no certificate")
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		if _, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile); err != nil {
			wrong("cert_file", "cannot be used with redis.key_file: "+err.Error())
		}
		// The files are read for each connection, because certificates are renewed.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
			return &cert, err
		}
	}
	return problems
}

// databaseOf returns the path of a URL, which is the number of the database.
func databaseOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

// withoutSkipVerify removes skip_verify from a URL, because the driver does not accept it for
// a cluster.
func withoutSkipVerify(address string) (rest string, skip bool) {
	u, err := url.Parse(address)
	if err != nil || !u.Query().Has("skip_verify") {
		return address, false
	}
	q := u.Query()
	skip = q.Get("skip_verify") == "true" || q.Get("skip_verify") == "1"
	q.Del("skip_verify")
	u.RawQuery = q.Encode()
	return u.String(), skip
}
