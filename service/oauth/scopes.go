package oauth

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// scopeCache caches the scopes of all clients for scopesMaxAge.
type scopeCache struct {
	mu    sync.Mutex
	list  []string
	until time.Time
}

// scopesMaxAge is the maximum time until a new scope appears in Scopes.
const scopesMaxAge = time.Minute

// Scopes returns every scope that an enabled client may request, sorted. While the database is
// unavailable it returns the cached scopes.
func (c *Clients) Scopes(ctx context.Context) []string {
	c.scopes.mu.Lock()
	defer c.scopes.mu.Unlock()
	if now := c.now(); c.scopes.list == nil || now.After(c.scopes.until) {
		if list, err := c.readScopes(ctx); err == nil {
			c.scopes.list, c.scopes.until = list, now.Add(scopesMaxAge)
		}
	}
	if c.scopes.list == nil {
		return []string{ScopeAccount}
	}
	return c.scopes.list
}

func (c *Clients) readScopes(ctx context.Context) ([]string, error) {
	all := []string{ScopeAccount}
	const page = 100
	for after := ""; ; {
		list, err := c.store.ListClients(ctx, after, page)
		if err != nil {
			return nil, err
		}
		for _, found := range list {
			after = found.ID
			if !found.Disabled {
				all = append(all, found.Scopes...)
			}
		}
		if len(list) < page {
			slices.SortFunc(all, strings.Compare)
			return slices.Compact(all), nil
		}
	}
}
