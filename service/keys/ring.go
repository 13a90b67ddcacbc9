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

// Policy is how keys come and go.
type Policy struct {
	// Algorithm is the algorithm of the keys for access tokens. If the active key has
	// another one, a key of this algorithm is published and takes over. Empty: the
	// algorithm of the active key, and jose.DefaultAlgorithm where there is none. Refresh tokens
	// are verified by those who sign them, and always HS256.
	Algorithm jose.Algorithm
	// Rotation is how long a key is active before the next one is, by itself;
	// 0: until somebody says so.
	Rotation time.Duration
	// Publish is how long a key stands in the JWK Set before it signs, so that
	// whoever caches the set knows it by then.
	Publish time.Duration
	// Lifetime is that of the tokens of each use: a retired key is honoured for
	// so long.
	Lifetime map[Use]time.Duration
	// Poll is the time between two looks at the database, and so how soon a key
	// that was revoked elsewhere is refused here.
	Poll time.Duration
	// File reads the keys for access tokens from elsewhere than the database;
	// nil: they are in the database.
	File func() ([]byte, error)
}

// Ring holds the keys of this process, the same as those of every other
// replica within Poll. It implements token.KeySource.
type Ring struct {
	store  repository.Keys
	sealer sealer
	policy Policy
	clock  *clock.Clock
	now    func() time.Time // that of clock
	audit  *audit.Log
	log    *slog.Logger

	set atomic.Pointer[Set]

	fileStale atomic.Bool  // the file could not be read the last time
	readAt    atomic.Int64 // when the database was last read, by the monotonic clock; 0: never

	mu       sync.Mutex // of load
	rows     []repository.SigningKey
	fileText []byte
	file     []entry
	unsealed map[sealedAs]jose.Key
}

// NewRing returns an empty keyring; Load fills it.
func NewRing(store repository.Keys, root secret.Root, policy Policy, clock *clock.Clock, audit *audit.Log, log *slog.Logger) *Ring {
	r := &Ring{store: store, sealer: newSealer(root), policy: policy, clock: clock, now: clock.Now, audit: audit, log: log, unsealed: map[sealedAs]jose.Key{}}
	r.set.Store(newSet(nil, nil))
	return r
}

// KeySet implements token.KeySource.
func (r *Ring) KeySet() *Set { return r.set.Load() }

// Load reads the keys. While nothing has changed the set stays the same one. What
// can be read counts, whatever else cannot: a key that was revoked must not live
// on because another cannot be decrypted, or a file is half written.
func (r *Ring) Load(ctx context.Context) error {
	_, err := r.load(ctx)
	return err
}

// load reports, beside all that went wrong, whether the database was read.
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

// sealedAs is a key as it stands in its row: what opens under one name and use
// opens under no other, and is not remembered for one either.
type sealedAs struct {
	id        string
	use       Use
	algorithm string
	sealed    string
}

// entries unseals what is new. A revoked key is not: its secret may be lost.
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

// Current implements token.KeySource.
func (r *Ring) Current() bool {
	read := r.readAt.Load()
	return read != 0 && !r.fileStale.Load() && r.clock.Elapsed()-time.Duration(read) < unheard*r.policy.Poll
}

// unheard is how many looks at the database may be missed before an unknown key
// may be one that was made since.
const unheard = 5

// Start loads the keys, and makes those that are missing: in an empty database
// all of them.
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

// RunUntil keeps the keys current until ctx is done. While the database is away
// they stay as they are.
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
		if err != nil && !failed { // once, not each second
			r.log.Error("keys not read; the last keys stay in use", "error", err)
		} else if err == nil && failed {
			r.log.Info("keys read again")
		}
		failed = err != nil
	}
}

// retries bounds how often a change is tried again when another replica was
// faster.
const retries = 5

// reconcile sees to it that each use has a key that signs and one that stands by,
// rotates by schedule, and forgets keys whose tokens have all expired.
func (r *Ring) reconcile(ctx context.Context) error {
	for range retries {
		again, err := r.reconcileOnce(ctx)
		if err != nil && !errors.Is(err, repository.ErrExists) && !errors.Is(err, repository.ErrNotFound) {
			return err
		}
		if err == nil && !again {
			return nil
		}
		if err := r.Load(ctx); err != nil {
			return err
		}
	}
	return nil // the other replicas are at it
}

// reconcileOnce makes one change and reports whether it did.
func (r *Ring) reconcileOnce(ctx context.Context) (changed bool, err error) {
	set, now := r.KeySet(), r.now()
	for _, use := range r.uses() {
		standby, stands := set.standby(use)
		if !stands {
			return true, r.putStandby(ctx, use, "")
		}
		if _, err := set.signer(use, now); err != nil {
			return true, r.activate(ctx, standby, r.clock.Reference(ctx), audit.Origin{Agent: "rotation"})
		}
		if changed, err := r.changeAlgorithm(ctx, set, use, standby, now); changed || err != nil {
			return changed, err
		}
		if r.due(set, use, standby, now) {
			if at, ok := r.confirmed(ctx, func(at time.Time) bool { return r.due(set, use, standby, at) }); ok {
				return true, r.activate(ctx, standby, at, audit.Origin{Agent: "rotation"})
			}
		}
	}
	for _, e := range set.entries {
		over := func(at time.Time) bool { return r.over(e, at) }
		if over(now) {
			if _, ok := r.confirmed(ctx, over); ok {
				return true, r.store.DeleteKey(ctx, e.ID)
			}
		}
	}
	return false, nil
}

// changeAlgorithm makes a key of the algorithm of the settings the active one, in two
// steps: such a key stands by, and takes over once it has been published for long enough.
// A standby of another algorithm, which a setting of before left, is replaced only when it
// is as old as that, so that two replicas with different settings do not replace each
// other's keys all the time.
func (r *Ring) changeAlgorithm(ctx context.Context, set *Set, use Use, standby *entry, now time.Time) (changed bool, err error) {
	latest := set.last(use)
	if r.policy.Algorithm == "" || use != UseAccess || latest == nil || now.Before(standby.createdAt.Add(r.policy.publish(standby.Key))) {
		return false, nil
	}
	wanted := r.policy.Algorithm
	switch {
	case standby.Algorithm != wanted:
		r.log.Info("publishing a standby key with the algorithm of tokens.algorithm", "active", string(latest.Algorithm), "setting", string(wanted))
		return true, r.putStandby(ctx, use, standby.ID)
	case latest.Algorithm == wanted:
		return false, nil
	}
	published := func(at time.Time) bool { return !at.Before(standby.createdAt.Add(r.policy.publish(standby.Key))) }
	at, ok := r.confirmed(ctx, published)
	if !ok {
		return false, nil
	}
	return true, r.activate(ctx, standby, at, audit.Origin{Agent: "rotation"})
}

// over reports whether nothing needs a key any more. A log-out may bring an access
// token for as long as its session lives.
func (r *Ring) over(e *entry, at time.Time) bool {
	end := e.until
	if !e.revokedAt.IsZero() {
		end = e.revokedAt
	}
	return r.policy.owns(e.use) && !end.IsZero() && at.After(end.Add(r.policy.Lifetime[UseRefresh]+forgetAfter))
}

// forgetAfter is how long a key that nothing needs is kept for replicas whose clock is late.
const forgetAfter = time.Hour

// confirmed asks the database's clock whether it is time for what our own says: a
// rotation, or the end of a key. While our clock is not known to be good it is not.
func (r *Ring) confirmed(ctx context.Context, due func(at time.Time) bool) (at time.Time, ok bool) {
	at, err := r.clock.Trusted(ctx)
	return at, err == nil && due(at)
}

// due reports whether the schedule asks for the next key.
func (r *Ring) due(set *Set, use Use, standby *entry, now time.Time) bool {
	if r.policy.Rotation == 0 || now.Before(standby.createdAt.Add(r.policy.Publish)) {
		return false
	}
	for _, e := range set.entries {
		if e.use == use && e.activeAt.Add(r.policy.Rotation).After(now) && e.revokedAt.IsZero() && !e.activeAt.IsZero() {
			return false // one is young enough, or about to begin
		}
	}
	return true
}

// uses are those whose keys are in the database.
func (r *Ring) uses() []Use {
	if r.policy.File != nil {
		return []Use{UseRefresh}
	}
	return []Use{UseAccess, UseRefresh}
}

func (p Policy) owns(use Use) bool { return use != UseAccess || p.File == nil }

// algorithm is the algorithm of new keys of a use.
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

// toRecord is a key for the database, which has been read back once: one that could
// not be would stop every replica.
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

// putStandby generates a key that stands by, in place of another or of none ("").
func (r *Ring) putStandby(ctx context.Context, use Use, replaces string) error {
	k, err := jose.GenerateKey(r.algorithm(r.KeySet(), use))
	if err != nil {
		return err
	}
	return r.put(ctx, k, use, replaces, audit.Origin{Agent: "rotation"})
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

func (r *Ring) activate(ctx context.Context, standby *entry, at time.Time, from audit.Origin) error {
	algorithm := standby.Algorithm
	if standby.use == UseAccess && r.policy.Algorithm != "" {
		algorithm = r.policy.Algorithm
	}
	k, err := jose.GenerateKey(algorithm)
	if err != nil {
		return err
	}
	row, err := r.toRecord(k, standby.use, r.clock.Reference(ctx))
	if err != nil {
		return err
	}
	// After every other, whatever the clocks of those who activated them say.
	if after := r.KeySet().latest(standby.use).Add(time.Microsecond); at.Before(after) && !r.KeySet().latest(standby.use).After(r.now().Add(maxSkew)) {
		at = after
	}
	record := r.record(from, repository.AuditKeyActivated, standby.ID)
	if err := r.store.ActivateKey(ctx, standby.ID, at, row, record); err != nil {
		return fmt.Errorf("activate a key: %w", err)
	}
	r.audit.Committed(ctx, record)
	return nil
}

// maxSkew is how far the clocks of replicas may be apart.
const maxSkew = 30 * time.Second

func (r *Ring) record(from audit.Origin, event repository.AuditEvent, keyID string) repository.AuditRecord {
	record := from.Record(r.now(), event, "ok")
	record.KeyID = keyID
	return record
}
