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
	{"NOAUTH", "Redis requires a password: write it in redis.url, as in redis://:password@host:6379/0"},
	{"unauthenticated", "Redis requires a password: write it in redis.url, as in redis://:password@host:6379/0"},
	{"WRONGPASS", "Redis rejected the user or the password: correct redis.url"},
	{"invalid username-password pair", "Redis rejected the user or the password: correct redis.url"},
	{"NOPERM", "the Redis user lacks a permission: allow it by ACL SETUSER"},
	{"can't access at least one of the keys", "the Redis user lacks a permission: allow it by ACL SETUSER, with ~ and redis.prefix and *"},
	{"ACL failure in script", "the Redis user lacks a permission: allow it by ACL SETUSER"}, // since Redis 7.2
	{"can't run this command", "the Redis user lacks a permission: allow it by ACL SETUSER"},
	{"DB index is out of range", "Redis has no database with that number: correct redis.url"},
	{"SELECT is not allowed in cluster mode", "a Redis Cluster has only database 0: remove the number of redis.url"},
	{"cluster support disabled", "the server is not a Redis Cluster: set redis.mode to standalone or sentinel"},
	{"MOVED", "the server is part of a Redis Cluster: set redis.mode to cluster"},
	{"CROSSSLOT", "the server is part of a Redis Cluster: set redis.mode to cluster"},
	{"READONLY", "the server is a replica: point redis.url at the primary, or set redis.mode to sentinel"},
	{"OOM", "Redis is out of memory: raise maxmemory"},
	{"MISCONF", "Redis cannot save to its disk: see its log"},
	{"max number of clients", "Redis has no free connections: raise maxclients"},
	{"signed by unknown authority", "set redis.ca_file to the certificates of the CA of Redis"},
	{"doesn't contain any IP SANs", "the certificate has a name and the server is reached by its address: set redis.server_name, or let Redis announce host names"},
	{"certificate is valid for", "the certificate of Redis is for another name: set redis.server_name"},
	{"certificate is not valid for any names", "the certificate of Redis is for another name: set redis.server_name"},
	{"certificate required", "Redis requires a client certificate: set redis.cert_file and redis.key_file"},
	{"first record does not look like a TLS handshake", "Redis does not use TLS on this port: write redis:// instead of rediss://"},
	{"unknown command 'sentinel'", "the server is not a sentinel: set redis.mode to standalone or cluster"},
	{"unknown command 'cluster'", "the server is not a Redis Cluster: set redis.mode to standalone or sentinel"},
	{"unknown command 'evalsha'", "the server is a sentinel: set redis.mode to sentinel, and master_name in redis.url"},
	{"unknown command", "the server is too old, or a required command was renamed"},
}

func advice(err error) string {
	if errors.Is(err, redis.Nil) {
		return "the sentinels do not know the primary: check master_name in redis.url"
	}
	reply := err.Error()
	if strings.Contains(reply, "all sentinels specified") && (strings.Contains(reply, "NOAUTH") || strings.Contains(reply, "WRONGPASS")) {
		return "the sentinels rejected the user or the password: set redis.sentinel_username and redis.sentinel_password; redis.url has the user and the password of the data"
	}
	for _, a := range advices {
		if strings.Contains(reply, a.reply) {
			return a.fix
		}
	}
	return ""
}
