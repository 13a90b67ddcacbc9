package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// problems collects what is wrong, so that all of it is said at once.
type problems struct {
	where map[string]string // a key to where it was set
	bad   map[string]bool   // keys that could not be read
	list  []error
}

// unread reports a key that could not be read, and where it was set, if that is known.
func (p *problems) unread(where, key, format string, args ...any) {
	p.report(where, key, format, args...)
	p.bad[key] = true
}

// add reports what is wrong with the value of a key. One that could not be read has none:
// what would be wrong with the default is not said.
func (p *problems) add(key, format string, args ...any) {
	if !p.bad[key] {
		p.report(p.where[key], key, format, args...)
	}
}

func (p *problems) report(where, key, format string, args ...any) {
	if where != "" {
		key = fmt.Sprintf("%s (%s)", key, where)
	}
	p.list = append(p.list, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
}

// err is all problems in one, or nil.
func (p *problems) err() error { return errors.Join(p.list...) }

func (p *problems) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.add(key, "must be one of %s", strings.Join(allowed, ", "))
	}
}

func (p *problems) between(key string, value, low, high time.Duration) {
	if value < low || value > high {
		p.add(key, "must be between %s and %s", showDuration(low), showDuration(high))
	}
}
