package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/repository"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/jose"
	"latchkey/service/secret"
)

// Policy determines when keys are generated, activated and deleted.
type Policy struct {
	// Algorithm is the algorithm of the keys for access tokens. If the active key has another
	// algorithm, a key of this algorithm is published and becomes active. If Algorithm is empty,
	// new keys have the algorithm of the active key, or jose.DefaultAlgorithm if there is no active
	// key. Refresh tokens always use HS256, because only their issuer verifies them.
	Algorithm jose.Algorithm
	// Rotation is how long a key is active before the next key is activated automatically; 0: only
	// on request.
	Rotation time.Duration
	// Publish is how long a key is in the JWK Set before it signs, so that verifiers that cache the
	// set know it in time.
	Publish time.Duration
	// Lifetime is the lifetime of the tokens of each use. A retired key is accepted for this long.
	Lifetime map[Use]time.Duration
	// Poll is the time between two reads of the database. It bounds the delay until this replica
	// refuses a key that was revoked on another replica.
	Poll time.Duration
	// File returns the keys for access tokens from a file; nil: the keys are in the database.
	File func() ([]byte, error)
}

// Ring holds the keys of this process. They are the same on every replica, within Poll. It
// implements token.KeySource.
type Ring struct {
	store  repository.Keys
	sealer sealer
	policy Policy
	clock  *clock.Clock
	now    func() time.Time // from clock
	audit  *audit.Log
	log    *slog.Logger

	set atomic.Pointer[Set]

	fileStale atomic.Bool  // the last read of the file failed
	readAt    atomic.Int64 // when the database was last read, by the monotonic clock; 0: never

	mu       sync.Mutex // guards load
	rows     []repository.SigningKey
	fileText []byte
	file     []entry
	unsealed map[sealedAs]jose.Key
}

// NewRing returns an empty keyring. Load fills it.
func NewRing(store repository.Keys, root secret.Root, policy Policy, clock *clock.Clock, audit *audit.Log, log *slog.Logger) *Ring {
	r := &Ring{store: store, sealer: newSealer(root), policy: policy, clock: clock, now: clock.Now, audit: audit, log: log, unsealed: map[sealedAs]jose.Key{}}
	r.set.Store(newSet(nil, nil))
	return r
}

// KeySet returns the current keys. It implements token.KeySource.
func (r *Ring) KeySet() *Set { return r.set.Load() }

// Load reads the keys. The set stays the same while nothing has changed. Load applies every change
// that it can read, even if another part cannot be read: a revoked key must not stay valid because
// another key cannot be decrypted or a file is half written.
func (r *Ring) Load(ctx context.Context) error {
	_, err := r.load(ctx)
	return err
}

// load also reports, besides any error, whether the database was read.
func (r *Ring) load(ctx context.Context) (read bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows, rowsErr := r.store.ListKeys(ctx)
	if rowsErr != nil {
		rows, rowsErr = r.rows, fmt.Errorf("list keys: %w", rowsErr)
	} else {
		r.readAt.Store(int64(r.clock.Elapsed()) + 1)
	}
	text, file, fileErr := r.fileText, r.file, error(nil)
	if r.policy.File != nil {
		if text, fileErr = r.policy.File(); fileErr == nil && (r.file == nil || string(text) != string(r.fileText)) {
			file, fileErr = parseKeysFile(text)
		}
		if fileErr != nil {
			text, file, fileErr = r.fileText, r.file, fmt.Errorf("tokens.keys_file: %w", fileErr)
		}
	}
	r.fileStale.Store(fileErr != nil)
	entries, unsealErr := r.entries(rows)
	if !reflect.DeepEqual(rows, r.rows) || string(text) != string(r.fileText) {
		r.rows, r.fileText, r.file = rows, text, file
		r.set.Store(newSet(append(entries, file...), r.policy.Lifetime))
	}
	return rowsErr == nil, errors.Join(rowsErr, fileErr, unsealErr)
}

// sealedAs is a key as it is stored. The name and use are part of it, so that the cache does not
// return a key under another name or use either.
type sealedAs struct {
	id        string
	use       Use
	algorithm string
	sealed    string
}

// entries unseals the keys that are new. It does not unseal revoked keys, whose root secret may be
// lost.
func (r *Ring) entries(rows []repository.SigningKey) (entries []entry, err error) {
	for _, row := range rows {
		if row.Use == UseAccess && r.policy.File != nil {
			continue
		}
		e := entry{
			Key: jose.Key{ID: row.ID, Algorithm: jose.Algorithm(row.Algorithm)}, use: row.Use,
			createdAt: row.CreatedAt, activeAt: row.ActiveAt, revokedAt: row.RevokedAt,
		}
		if row.RevokedAt.IsZero() {
			as := sealedAs{row.ID, row.Use, row.Algorithm, string(row.Sealed)}
			k, known := r.unsealed[as]
			if !known {
				var failed error
				if k, failed = r.sealer.unseal(row); failed != nil {
					err = errors.Join(err, fmt.Errorf("key %s: %w", row.ID, failed))
				} else {
					r.unsealed[as] = k
				}
			}
			if e.unread = k.Algorithm == ""; !e.unread {
				e.Key = k
			}
		}
		entries = append(entries, e)
	}
	return entries, err
}

// Current reports whether the keys were read recently. It implements token.KeySource.
func (r *Ring) Current() bool {
	read := r.readAt.Load()
	return read != 0 && !r.fileStale.Load() && r.clock.Elapsed()-time.Duration(read) < unheard*r.policy.Poll
}

// unheard is the number of reads of the database that may fail before an unknown key may be a new
// one.
const unheard = 5

// Start loads the keys and generates the missing ones: all of them if the database is empty.
func (r *Ring) Start(ctx context.Context) error {
	if err := r.Load(ctx); err != nil {
		return err
	}
	if err := r.reconcile(ctx); err != nil {
		return err
	}
	set := r.KeySet()
	if standby, stands := set.standby(UseAccess); stands && r.policy.File == nil && r.policy.Algorithm == "" && standby.Algorithm != r.algorithm(set, UseAccess) {
		r.log.Warn("the next rotation changes the algorithm of access tokens; to keep it, run: latchkey key add --alg with the algorithm of the active key",
			"active", string(r.algorithm(set, UseAccess)), "next", string(standby.Algorithm))
	}
	return nil
}

// RunUntil keeps the keys current until ctx is done. The keys do not change while the database is
// unavailable.
func (r *Ring) RunUntil(ctx context.Context) {
	failed := false
	tick := time.NewTicker(r.policy.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		read, err := r.load(ctx)
		if read {
			err = errors.Join(err, r.reconcile(ctx))
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failed { // log once, not every second
			r.log.Error("keys not read; the last keys stay in use", "error", err)
		} else if err == nil && failed {
			r.log.Info("keys read again")
		}
		failed = err != nil
	}
}

// retries is the maximum number of retries of a change that conflicts with another replica's.
const retries = 5

// uses returns the uses whose keys are in the database.
func (r *Ring) uses() []Use {
	if r.policy.File != nil {
		return []Use{UseRefresh}
	}
	return []Use{UseAccess, UseRefresh}
}

func (p Policy) owns(use Use) bool { return use != UseAccess || p.File == nil }

// algorithm returns the algorithm of new keys of a use.
func (r *Ring) algorithm(set *Set, use Use) jose.Algorithm {
	switch latest := set.last(use); {
	case use == UseRefresh:
		return jose.HS256
	case r.policy.Algorithm != "":
		return r.policy.Algorithm
	case latest != nil:
		return latest.Algorithm
	}
	return jose.DefaultAlgorithm
}

// toRecord returns the record of a key for the database. It unseals the record once as a check,
// because a key that cannot be unsealed would stop every replica.
func (r *Ring) toRecord(k jose.Key, use Use, at time.Time) (repository.SigningKey, error) {
	sealed, err := r.sealer.seal(k, use)
	if err != nil {
		return repository.SigningKey{}, err
	}
	row := repository.SigningKey{
		ID: k.ID, Use: use, Algorithm: string(k.Algorithm), Sealed: sealed, CreatedAt: at,
	}
	_, err = r.sealer.unseal(row)
	return row, err
}

func (r *Ring) put(ctx context.Context, k jose.Key, use Use, replaces string, from audit.Origin) error {
	row, err := r.toRecord(k, use, r.clock.Reference(ctx))
	if err != nil {
		return err
	}
	record := r.record(from, repository.AuditKeyAdded, k.ID)
	if err := r.store.PutStandbyKey(ctx, row, replaces, record); err != nil {
		return fmt.Errorf("put a key: %w", err)
	}
	r.audit.Committed(ctx, record)
	return nil
}

func (r *Ring) record(from audit.Origin, event repository.AuditEvent, keyID string) repository.AuditRecord {
	record := from.Record(r.now(), event, "ok")
	record.KeyID = keyID
	return record
}
