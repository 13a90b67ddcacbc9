package app

import (
	"log/slog"
	"runtime"
	"time"
)

// Env contains the inputs of the service besides its settings.
type Env struct {
	Now func() time.Time // the system clock
	Log *slog.Logger

	Version string
	// HashSlots is the number of password hashes that run at a time; zero: one for each core.
	HashSlots int
	// HashWait is the longest time that a login waits in the queue for its hash; zero: the default.
	HashWait time.Duration
	// Dropped returns the number of log lines that were discarded; nil: not measured.
	Dropped func() int64
	// KeyPoll is the time between two reads of the keys, and KeyPublish the time for which a key
	// is published before it signs; zero: the defaults.
	KeyPoll, KeyPublish time.Duration
	// Stores are open stores to use. Nil: the stores in the settings are opened, migrated, and
	// closed at the end.
	Stores *Stores
}

const (
	// defaultKeyPoll limits how late a replica learns that a key was revoked. The documented limit
	// is 5 s.
	defaultKeyPoll = time.Second
	// defaultKeyPublish is longer than verifiers that respect max-age cache the key set.
	defaultKeyPublish = 5 * time.Minute
)

// withDefaults returns the environment with its zero values replaced.
func (e Env) withDefaults() Env {
	if e.HashSlots == 0 {
		e.HashSlots = runtime.GOMAXPROCS(0)
	}
	if e.KeyPoll == 0 {
		e.KeyPoll = defaultKeyPoll
	}
	if e.KeyPublish == 0 {
		e.KeyPublish = defaultKeyPublish
	}
	return e
}
