package redis

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

// storeError turns what the driver returned into an error of the contract. It
// is the only place that looks at a driver error.
func storeError(err error) error {
	var re redis.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return repository.ErrNotFound
	case errors.Is(err, repository.ErrUnavailable):
		return err
	case !errors.As(err, &re) || unavailable(re.Error()):
		// Not a reply of the server: the network, a timeout, a cancelled
		// context, a closed pool. Or a reply that says it cannot serve now.
		return fmt.Errorf("%w: %w", repository.ErrUnavailable, err)
	}
	return err
}

// unavailable tells a server in trouble from a defect of ours, by the first
// word of its reply.
func unavailable(reply string) bool {
	word, _, _ := strings.Cut(reply, " ")
	switch word {
	case "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "MISCONF", "NOREPLICAS",
		"BUSY", "NOAUTH", "WRONGPASS", "NOPERM", "UNBLOCKED", "MOVED", "ASK":
		return true
	}
	return strings.Contains(reply, "max number of clients")
}
