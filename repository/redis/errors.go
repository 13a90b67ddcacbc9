package redis

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

// storeError converts an error of the driver into an error of the contract. No other function
// looks at driver errors. The scripts and commands of this package return values, so no error
// says anything about the data: each is ErrUnavailable. So is redis.Nil, which the driver
// returns if a sentinel does not know the primary.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case repository.Known(err):
		return err
	}
	if fix := advice(err); fix != "" {
		return fmt.Errorf("%w: %w", repository.ErrUnavailable, &repository.Advice{Fix: fix, Err: err})
	}
	return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
}

// advices maps a part of an error reply to what the operator should do. The error of a script
// contains the error of its command.
var advices = []struct{ reply, fix string }{
	{"NOAUTH", "Redis wants a password: write it in redis.url, as in redis://:password@host:6379/0"},
	{"unauthenticated", "Redis wants a password: write it in redis.url, as in redis://:password@host:6379/0"},
	{"WRONGPASS", "Redis refuses the user or the password: correct redis.url"},
	{"invalid username-password pair", "Redis refuses the user or the password: correct redis.url"},
	{"NOPERM", "the Redis user lacks a right: allow it by ACL SETUSER"},
	{"can't access at least one of the keys", "the Redis user lacks a right: allow it by ACL SETUSER, with ~ and redis.prefix and *"},
	{"ACL failure in script", "the Redis user lacks a right: allow it by ACL SETUSER"}, // since Redis 7.2
	{"can't run this command", "the Redis user lacks a right: allow it by ACL SETUSER"},
	{"DB index is out of range", "Redis has no database of that number: correct redis.url"},
	{"SELECT is not allowed in cluster mode", "a Redis Cluster has database 0 alone: take the number out of redis.url"},
	{"cluster support disabled", "the server is no Redis Cluster: set redis.mode to standalone or sentinel"},
	{"MOVED", "the server is part of a Redis Cluster: set redis.mode to cluster"},
	{"CROSSSLOT", "the server is part of a Redis Cluster: set redis.mode to cluster"},
	{"READONLY", "the server is a replica: let redis.url reach the primary, or set redis.mode to sentinel"},
	{"OOM", "Redis has no memory left: raise maxmemory"},
	{"MISCONF", "Redis cannot save to its disk: see its log"},
	{"max number of clients", "Redis has no connection left: raise maxclients"},
	{"signed by unknown authority", "name the certificates that vouch for Redis in redis.ca_file"},
	{"doesn't contain any IP SANs", "the server is known by its address, its certificate has a name: set redis.server_name, or have Redis announce host names"},
	{"certificate is valid for", "the certificate of Redis has another name: set redis.server_name"},
	{"certificate is not valid for any names", "the certificate of Redis has another name: set redis.server_name"},
	{"certificate required", "Redis asks for a certificate: set redis.cert_file and redis.key_file"},
	{"first record does not look like a TLS handshake", "Redis speaks no TLS on this port: write redis:// instead of rediss://"},
	{"unknown command 'sentinel'", "the server is no sentinel: set redis.mode to standalone or cluster"},
	{"unknown command 'cluster'", "the server is no Redis Cluster: set redis.mode to standalone or sentinel"},
	{"unknown command 'evalsha'", "the server is a sentinel: set redis.mode to sentinel, and master_name in redis.url"},
	{"unknown command", "the server is too old, or has renamed a command that we need"},
}

func advice(err error) string {
	if errors.Is(err, redis.Nil) {
		return "the sentinels do not know the primary: check master_name in redis.url"
	}
	reply := err.Error()
	if strings.Contains(reply, "all sentinels specified") && (strings.Contains(reply, "NOAUTH") || strings.Contains(reply, "WRONGPASS")) {
		return "the sentinels want another user or password: set redis.sentinel_username and redis.sentinel_password; those of redis.url are for the data"
	}
	for _, a := range advices {
		if strings.Contains(reply, a.reply) {
			return a.fix
		}
	}
	return ""
}
