package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Check finds problems that this package cannot find, and reports each with its key. It may find
// the default of a key that could not be read; its report is then ignored.
type Check func(cfg Config, report func(key, format string, args ...any))

// problems collects all problems, so that they are reported at once.
type problems struct {
	where map[string]string // a key to the place where it was set
	bad   map[string]bool   // keys that could not be read
	list  []error
}

// unread reports a key that could not be read, and the place where it was set, if that is
// known.
func (p *problems) unread(where, key, format string, args ...any) {
	p.report(where, key, format, args...)
	p.bad[key] = true
}

// add reports a problem with the value of a key. It ignores a key that could not be read,
// because a problem with its default would mislead.
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

// err returns all problems as one error, or nil.
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
