package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"

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

// dial returns a client for a mode. Reads go to the primary, because a replica may lag behind
// and show a superseded token as live. Without ContextTimeoutEnabled the deadline of a
// request would not stop a read. Errors of the driver are not returned, because they may
// contain the URL with its password.
func dial(address string, o Options) (redis.UniversalClient, error) {
	switch o.Mode {
	case "", Standalone:
		c, err := redis.ParseURL(address)
		if err != nil {
			return nil, errors.New("url: not of the form redis://user:password@host:port/number")
		}
		if err := secure(c.TLSConfig, o); err != nil {
			return nil, err
		}
		c.DisableIdentity = true
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		return redis.NewClient(c), nil
	case Sentinel:
		c, err := redis.ParseFailoverURL(address)
		if err != nil || c.MasterName == "" {
			return nil, errors.New("url: not of the form redis://user:password@sentinel:port/number?master_name=name&addr=sentinel2:port")
		}
		// The driver uses the user and password of the URL for the sentinels.
		if c.Username == "" && c.Password == "" {
			c.Username, c.Password = c.SentinelUsername, c.SentinelPassword
			c.SentinelUsername, c.SentinelPassword = o.SentinelUsername, o.SentinelPassword
		}
		if err := secure(c.TLSConfig, o); err != nil {
			return nil, err
		}
		c.DisableIdentity = true
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		c.ReplicaOnly, c.RouteByLatency, c.RouteRandomly = false, false, false
		return redis.NewFailoverClient(c), nil
	case Cluster:
		address, skip := withoutSkipVerify(address)
		c, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, errors.New("url: not of the form redis://user:password@node:port?addr=node2:port&addr=node3:port")
		}
		if number := path.Base(databaseOf(address)); number != "." && number != "/" && number != "0" {
			return nil, errors.New("url: a Redis Cluster has only database 0: remove the number")
		}
		if c.TLSConfig != nil {
			c.TLSConfig.InsecureSkipVerify = skip
		}
		if err := secure(c.TLSConfig, o); err != nil {
			return nil, err
		}
		c.DisableIdentity = true
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		c.ReadOnly, c.RouteByLatency, c.RouteRandomly = false, false, false
		c.DisableRoutingPolicies = true // the driver would read them by COMMAND; if the user may not run that, at each call
		return redis.NewClusterClient(c), nil
	}
	return nil, fmt.Errorf("unknown mode %q", o.Mode)
}

// secure completes the TLS settings of a rediss:// URL. Each server is verified by the name
// that it was dialed by, unless ServerName is set. The driver would use the name of the first
// host for all servers.
func secure(c *tls.Config, o Options) error {
	if c == nil {
		if o.CAFile != "" || o.CertFile != "" || o.KeyFile != "" {
			return errors.New("ca_file, cert_file and key_file are for a rediss:// URL")
		}
		return nil
	}
	c.ServerName, c.MinVersion = o.ServerName, tls.VersionTLS12
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		if err != nil {
			return fmt.Errorf("ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return errors.New("ca_file: it contains no certificate")
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		if _, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile); err != nil {
			return fmt.Errorf("cert_file and key_file: %w", err)
		}
		// The files are read for each connection, because certificates are renewed.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
			return &cert, err
		}
	}
	return nil
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
