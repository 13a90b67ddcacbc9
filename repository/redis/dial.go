package redis

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// retries is how often the driver sends a command again. Harmless: a repeated
// call carries the same op, and has the same outcome. One dial for each, since
// the five of the driver outlast the timeouts.
const (
	retries     = 1
	dialRetries = 1
	// protocol is RESP 2: with the next one the driver looks for messages that the
	// server pushes before each reply, and we listen to none.
	protocol = 2
)

// dial makes the client of a mode. Reads go to the primary, as writes do: a
// replica may be late, and a token that was just replaced must not look live.
// ContextTimeoutEnabled, else a request's deadline does not stop a read. The
// errors of the driver are not passed on: they may repeat the URL with its
// password.
func dial(url string, o Options) (redis.UniversalClient, error) {
	switch o.Mode {
	case "", Standalone:
		c, err := redis.ParseURL(url)
		if err != nil {
			return nil, errors.New("not of the form redis://user:password@host:port/number")
		}
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		return redis.NewClient(c), nil
	case Sentinel:
		c, err := redis.ParseFailoverURL(url)
		if err != nil || c.MasterName == "" {
			return nil, errors.New("not of the form redis://user:password@sentinel:port/number?master_name=name&addr=sentinel2:port")
		}
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		c.ReplicaOnly, c.RouteByLatency, c.RouteRandomly = false, false, false
		return redis.NewFailoverClient(c), nil
	case Cluster:
		c, err := redis.ParseClusterURL(url)
		if err != nil {
			return nil, errors.New("not of the form redis://user:password@node:port?addr=node2:port&addr=node3:port")
		}
		c.ContextTimeoutEnabled, c.MaxRetries, c.DialerRetries = true, retries, dialRetries
		c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.DialTimeout, o.Timeout, o.Timeout, o.Timeout
		c.PoolSize, c.Protocol = o.MaxConns, protocol
		c.ReadOnly, c.RouteByLatency, c.RouteRandomly = false, false, false
		return redis.NewClusterClient(c), nil
	}
	return nil, fmt.Errorf("there is no mode %q", o.Mode)
}
