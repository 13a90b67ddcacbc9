package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

// slack is how long a key outlives its session, so that a replica whose clock is behind still
// finds a session that is valid by its clock.
const slack = time.Hour

// tombstoneTTL is the TTL of a tombstone once the database has the revocation: longer than any
// call may be in flight.
const tombstoneTTL = time.Hour

// CreateSession implements repository.Sessions.
func (db *DB) CreateSession(ctx context.Context, s repository.Session, l repository.Limit) (surplus []string, err error) {
	keys := []string{db.keys.session(s.UserID, s.ID), db.keys.index(s.UserID)}
	args := append([]any{
		s.ID, millis(s.AbsoluteAt), (s.AbsoluteAt.Sub(s.CreatedAt) + slack).Milliseconds(), millis(s.CreatedAt),
		s.Epoch, l.ExceptSession, l.Replaced, l.Sessions, string(s.JTI),
	}, fields(s)...)
	reply, err := db.runOnAll(ctx, db.scripts.createSession, s.UserID, keys, args...)
	switch {
	case err != nil:
		return nil, err
	case reply[0] == "exists":
		return nil, repository.ErrExists
	case len(reply) == 1:
		return nil, nil
	}
	return reply[1:], nil
}

// runOnAll runs a script on all sessions of a user. The keys of the sessions must be declared,
// because access rules and clusters check them. If the script finds other sessions in the
// index, it changes nothing and returns their IDs, and runOnAll runs it again.
func (db *DB) runOnAll(ctx context.Context, script *redis.Script, userID string, keys []string, args ...any) ([]string, error) {
	all := keys
	for range maxRuns {
		reply, err := script.Run(ctx, db.client, all, args...).StringSlice()
		if err != nil || reply[0] != "again" {
			return reply, storeError(err)
		}
		all = slices.Clone(keys)
		for _, id := range reply[1:] {
			all = append(all, db.keys.session(userID, id))
		}
	}
	return nil, fmt.Errorf("%w: the user's sessions kept changing", repository.ErrUnavailable)
}

// maxRuns limits the runs of a script. Another run is needed only if another login of the same
// user succeeded in between, and an account has few concurrent logins.
const maxRuns = 128

// RefreshSession implements repository.Sessions.
func (db *DB) RefreshSession(ctx context.Context, p repository.RefreshRequest) (repository.RefreshResult, error) {
	args := []any{
		p.Gen, string(p.JTI), string(p.Next), p.ClientID, string(p.Delivery), p.Epoch, p.ExceptSession, p.OperationID, millis(p.Now),
		millis(p.IssuedAt), p.Keep, p.Rotate, p.Sliding, p.Grace.Milliseconds(), p.Debounce.Milliseconds(),
		p.Recovery.Milliseconds(), p.IdleTTL.Milliseconds(), repository.MaxGraced, repository.MaxRecoveries,
		repository.RecoveryWindow.Milliseconds(), repository.MaxAhead, repository.MaxRotatedAhead.Milliseconds(),
		p.ClockLimit.Milliseconds(), p.Woken, p.SessionID,
	}
	if p.Proof != nil {
		args = append(args, p.Proof.Gen, string(p.Proof.JTI), string(p.Proof.Next), string(p.Proof.Before))
	}
	keys := []string{db.keys.session(p.UserID, p.SessionID), db.keys.index(p.UserID)}
	reply, err := db.runTogether(ctx, db.scripts.refreshSession, keys, args...).StringSlice()
	if err != nil {
		return repository.RefreshResult{}, storeError(err)
	}
	out := repository.RefreshResult{Outcome: repository.Outcome(reply[0])}
	switch {
	case out.Outcome == repository.OutcomeRevoked:
		out.Ended = repository.EndReason(reply[1])
		return out, nil
	case out.Outcome.Question():
		var r reader
		out.Gen, out.JTI, out.RotatedAt = r.int(reply[1]), repository.TokenID(reply[2]), r.time(reply[3])
		return out, r.err
	case !out.Outcome.Accepted():
		return out, nil
	}
	var r reader
	out.Gen, out.JTI = r.int(reply[1]), repository.TokenID(reply[2])
	out.RotatedAt, out.IdleAt, out.AbsoluteAt = r.time(reply[3]), r.time(reply[4]), r.time(reply[5])
	out.AuthTime, out.AMR, out.Scope = r.time(reply[6]), reply[7], reply[8]
	return out, r.err
}

// EndSession implements repository.Sessions.
func (db *DB) EndSession(ctx context.Context, e repository.Ending) (before repository.EndReason, err error) {
	keys := []string{db.keys.session(e.UserID, e.SessionID), db.keys.index(e.UserID)}
	args := []any{string(e.Reason), millis(e.Now), e.OperationID, e.SessionID, tombstoneTTL.Milliseconds()}
	reason, err := db.scripts.endSession.Run(ctx, db.client, keys, args...).Text()
	return repository.EndReason(reason), storeError(err)
}

// EndOtherSessions implements repository.Sessions.
func (db *DB) EndOtherSessions(ctx context.Context, e repository.Ending) error {
	_, err := db.runOnAll(ctx, db.scripts.endOtherSessions, e.UserID, []string{db.keys.index(e.UserID)},
		string(e.Reason), millis(e.Now), e.OperationID, e.SessionID, e.Epoch)
	return err
}

// ListSessions implements repository.Sessions.
func (db *DB) ListSessions(ctx context.Context, userID string) ([]repository.Session, error) {
	ids, err := db.client.ZRange(ctx, db.keys.index(userID), 0, -1).Result()
	if err != nil {
		return nil, storeError(err)
	}
	var list []repository.Session
	for _, id := range ids { // few: each login limits the number of sessions
		s, err := db.FindSession(ctx, userID, id)
		switch {
		case errors.Is(err, repository.ErrNotFound):
		case err != nil:
			return nil, err
		case s.Ended == "":
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b repository.Session) int {
		return cmp.Or(b.UsedAt.Compare(a.UsedAt), cmp.Compare(b.ID, a.ID))
	})
	return list, nil
}

// PurgeSessions implements repository.Sessions. It does nothing, because keys have a TTL.
func (db *DB) PurgeSessions(context.Context, time.Time, int) (int, error) { return 0, nil }

// FindSession implements repository.Sessions.
func (db *DB) FindSession(ctx context.Context, userID, sessionID string) (repository.Session, error) {
	h, err := db.client.HGetAll(ctx, db.keys.session(userID, sessionID)).Result()
	if err != nil {
		return repository.Session{}, storeError(err)
	}
	if len(h) == 0 {
		return repository.Session{}, repository.ErrNotFound
	}
	var r reader
	if h["rev"] != "" {
		s := repository.Session{ID: sessionID, UserID: userID, AbsoluteAt: r.time(h["abs"])}
		return s.Tombstone(repository.EndReason(h["rev"]), r.time(h["rev_at"]), h["rev_op"]), r.err
	}
	s := repository.Session{
		ID: sessionID, UserID: userID,
		Gen: r.int(h["gen"]), JTI: repository.TokenID(h["jti"]),
		PrevGen: r.int(h["pgen"]), PrevJTI: repository.TokenID(h["prev"]),
		RotatedAt: r.time(h["rot"]), OperationID: h["op"], Seen: h["seen"] == "1",
		IdleAt: r.time(h["idle"]), AbsoluteAt: r.time(h["abs"]),
		Epoch: r.int(h["epoch"]), ClientID: h["cid"], Delivery: repository.Delivery(h["via"]),
		Scope: h["scope"], AMR: h["amr"], AuthTime: r.time(h["auth"]),
		Graced: r.int(h["grc"]), Recoveries: r.int(h["rec"]), RecoveryAt: r.time(h["rec_at"]),
		CreatedAt: r.time(h["created"]), UsedAt: r.time(h["used"]), Address: h["ip"], Agent: h["ua"],
	}
	return s, r.err
}

// fields returns the fields and values of a session's hash, except jti.
func fields(s repository.Session) []any {
	return []any{
		"gen", s.Gen, "pgen", s.PrevGen, "prev", string(s.PrevJTI),
		"rot", millis(s.RotatedAt), "op", s.OperationID, "seen", s.Seen,
		"idle", millis(s.IdleAt), "abs", millis(s.AbsoluteAt),
		"epoch", s.Epoch, "cid", s.ClientID, "via", string(s.Delivery),
		"scope", s.Scope, "amr", s.AMR, "auth", millis(s.AuthTime),
		"grc", s.Graced, "rec", s.Recoveries, "rec_at", millis(s.RecoveryAt),
		"rev", string(s.Ended), "rev_at", millis(s.EndedAt), "rev_op", s.EndOperationID,
		"created", millis(s.CreatedAt), "used", millis(s.UsedAt), "ip", s.Address, "ua", s.Agent,
	}
}

// millis encodes a time as milliseconds since 1970, and the zero time as 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// reader parses numbers and keeps the first error.
type reader struct {
	err error
}

func (r *reader) int(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("a number in a session is %q", s)
	}
	return n
}

func (r *reader) time(s string) time.Time {
	ms := r.int(s)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
