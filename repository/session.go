package repository

import (
	"context"
	"time"
)

// TokenID is the jti of a refresh token: 128 bits as base64url. The separate type prevents
// storing the token itself.
type TokenID string

// Delivery is the way in which the refresh tokens of a session are transported.
type Delivery string

// The deliveries.
const (
	DeliveryBody Delivery = "body" // in the body or a header
	// DeliveryCookie is a cookie that another host can set. Sessions on http have it, and
	// those that are older than DeliveryHostCookie.
	DeliveryCookie Delivery = "cookie"
	// DeliveryHostCookie is a cookie whose session is named by a second cookie, which only
	// this host can set.
	DeliveryHostCookie Delivery = "host_cookie"
)

// accepts reports whether a token of a session with this delivery may arrive by the delivery
// in. A host cookie proves more than a session with a plain cookie requires.
func (d Delivery) accepts(in Delivery) bool {
	return d == in || d == DeliveryCookie && in == DeliveryHostCookie
}

// Session is a login session. It has exactly one live refresh token, identified by (ID, Gen,
// JTI). Its size does not grow with the number of refreshes. Times have millisecond
// precision.
type Session struct {
	ID     string // UUID
	UserID string

	Gen     int64 // generation of the live token: 0 at login, never decreases
	JTI     TokenID
	PrevGen int64 // of the predecessor; PrevJTI is empty at generation 0
	PrevJTI TokenID

	RotatedAt   time.Time // when Gen last changed
	OperationID string    // the call that changed it
	Seen        bool      // a client has presented the live token

	IdleAt     time.Time // idle expiry; moves if the policy is sliding
	AbsoluteAt time.Time // absolute expiry; the exp of every refresh token

	Epoch    int64 // the user's SessionEpoch at login
	ClientID string
	Delivery Delivery
	Scope    string    // separated by spaces
	AMR      string    // authentication methods, separated by spaces (RFC 8176)
	AuthTime time.Time // time of authentication; a refresh does not change it

	Graced     int64     // replays of the predecessor since the last rotation
	Recoveries int64     // recoveries in the current window
	RecoveryAt time.Time // start of that window

	Ended          EndReason // not empty: the session is a tombstone
	EndedAt        time.Time
	EndOperationID string

	CreatedAt time.Time
	UsedAt    time.Time
	Address   string // of the login
	Agent     string // of the login, at most 64 bytes
}

// Tombstone returns what remains of a revoked session: its ID, user and AbsoluteAt, and the
// reason, time and operation ID of the revocation.
func (s Session) Tombstone(reason EndReason, at time.Time, op string) Session {
	return Session{ID: s.ID, UserID: s.UserID, AbsoluteAt: s.AbsoluteAt, Ended: reason, EndedAt: at, EndOperationID: op}
}

// RefreshToken identifies one refresh token: the session, and the place in its chain of tokens.
type RefreshToken struct {
	UserID    string
	SessionID string
	Gen       int64 // the generation: the number of rotations before it
	JTI       TokenID
	IssuedAt  time.Time // the iat: the start of the generation, in whole seconds
}

// RefreshRequest is a refresh request: a refresh token whose signature, issuer and expiry have
// been verified, and everything else that the decision depends on.
type RefreshRequest struct {
	RefreshToken
	Next TokenID // the token ID that follows JTI in the chain of the session

	ClientID      string
	Delivery      Delivery
	Epoch         int64  // the user's SessionEpoch now
	ExceptSession bool   // the session is the user's ExceptSession
	OperationID   string // random operation ID; a retry has the same one
	Now           time.Time

	// ClockLimit is the largest error of the clock of a replica. Woken reports that this
	// replica was suspended recently, so that the request may be older than Now.
	ClockLimit time.Duration
	Woken      bool
	// Keep requests an access token only: no refresh token is generated.
	Keep bool

	Rotate   bool          // false: the live token is not replaced
	Sliding  bool          // true: an accepted request moves IdleAt
	Grace    time.Duration // how long a predecessor is accepted; 0: never
	Debounce time.Duration // how long the live token is not replaced
	Recovery time.Duration // how long a lost successor can be replaced; 0: never
	IdleTTL  time.Duration

	// Proof answers a question. It is nil in the first request.
	Proof *Proof
}

// Proof is the part of the chain of token IDs that a question asks for. It is valid while the
// live token is (Gen, JTI). After that the store asks again.
type Proof struct {
	Gen  int64
	JTI  TokenID
	Next TokenID // the ID that follows JTI
	// Before is the ID before the presented one in the chain that starts at JTI. It is
	// empty if the chain does not lead to the presented ID.
	Before TokenID
}

// The limits of the protocol.
const (
	// MaxGraced is how often a predecessor is accepted after one rotation.
	MaxGraced = 200
	// MaxRecoveries is the number of lost successors that are replaced per RecoveryWindow.
	MaxRecoveries  = 3
	RecoveryWindow = 24 * time.Hour
	// MaxAhead is how many generations a store may have lost: one every five minutes for a
	// month.
	MaxAhead = 8192
	// MaxRotatedAhead is how far RotatedAt may be ahead of a request. If it is further
	// ahead, a wrong clock has written it.
	MaxRotatedAhead = time.Minute
)

// RefreshResult is the result of a refresh request. Ended is the reason why a session was
// revoked; it is empty if the epoch revoked it. For a question only Gen, JTI and RotatedAt of
// the live token are set. For an accepted request the other fields describe the session after
// it. Otherwise they are empty.
type RefreshResult struct {
	Outcome    Outcome
	Ended      EndReason
	Gen        int64
	JTI        TokenID
	RotatedAt  time.Time
	IdleAt     time.Time
	AbsoluteAt time.Time
	AuthTime   time.Time
	AMR        string
	Scope      string
}

// Ending is a request to replace sessions by tombstones.
type Ending struct {
	UserID      string
	SessionID   string
	Reason      EndReason
	Epoch       int64 // for EndOtherSessions: the user's SessionEpoch now
	OperationID string
	Now         time.Time
}

// Limit is the number of live sessions that a user may have after a login. A session is live
// if it is live in the epoch of the new session.
type Limit struct {
	Sessions      int
	ExceptSession string // the user's ExceptSession
	Replaced      string // the session that the login replaces: it does not count
}

// Sessions stores the sessions and their live refresh tokens.
type Sessions interface {
	// CreateSession adds the session of a login. If the user then has more live sessions
	// than l allows, it returns those that were used least recently, so that the login can
	// revoke them. Adding the same session again changes nothing and
	// returns the surplus again. It returns ErrExists if another session has the ID.
	CreateSession(ctx context.Context, s Session, l Limit) (surplus []string, err error)

	// RefreshSession decides a refresh request and changes the session accordingly, in one
	// atomic step. Session.Refresh defines the decision. An absent session is
	// OutcomeUnknown, not an error. Of concurrent requests with one live token exactly
	// one is OutcomeRotated. A retry with the same Op returns the first result again.
	RefreshSession(ctx context.Context, p RefreshRequest) (RefreshResult, error)

	// EndSession replaces a session by a tombstone. If it is a tombstone already, it does
	// not change, and EndSession returns its reason; otherwise it returns "". An absent
	// session stays absent and is not an error. The caller has revoked the session in the
	// database before, so a store may delete the tombstone after an hour.
	EndSession(ctx context.Context, e Ending) (before EndReason, err error)

	// EndOtherSessions replaces the sessions of a user by tombstones, except e.SessionID
	// (empty: no exception) and the sessions of e.Epoch, which began after the
	// revocation.
	EndOtherSessions(ctx context.Context, e Ending) error

	// ListSessions returns the sessions of a user that are not tombstones, most recently
	// used first. Some may have expired.
	ListSessions(ctx context.Context, userID string) ([]Session, error)

	// PurgeSessions deletes at most limit sessions whose AbsoluteAt is before a time and
	// returns their number. A store that expires sessions by itself, at most two hours
	// after AbsoluteAt, returns 0.
	PurgeSessions(ctx context.Context, before time.Time, limit int) (int, error)

	// FindSession returns the current state of a session or tombstone. It returns
	// ErrNotFound if there is none.
	FindSession(ctx context.Context, userID, sessionID string) (Session, error)
}
