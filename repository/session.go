package repository

import (
	"context"
	"time"
)

// TokenID is the jti of a refresh token: 128 bits as base64url. It has a type
// of its own so that a token cannot be stored in its place.
type TokenID string

// Delivery is how the refresh tokens of a session travel.
type Delivery string

// The ways.
const (
	DeliveryBody Delivery = "body" // in a body or a header
	// DeliveryCookie is a cookie that another host may have set: on http, and of
	// sessions that began before DeliveryHostCookie existed.
	DeliveryCookie Delivery = "cookie"
	// DeliveryHostCookie is a cookie whose session a second cookie names, one that
	// this host alone can set.
	DeliveryHostCookie Delivery = "host_cookie"
)

// accepts reports whether the tokens of a session that travel this way may come in
// that way. A second cookie proves more than a session from before asks for.
func (d Delivery) accepts(in Delivery) bool {
	return d == in || d == DeliveryCookie && in == DeliveryHostCookie
}

// Session is one login on one device. It owns exactly one live refresh token,
// whose identity is (ID, Gen, JTI). Its size is constant however often it is
// refreshed. Times are kept to the millisecond.
type Session struct {
	ID     string // UUID
	UserID string

	Gen     int64 // generation of the live token: 0 at login, only grows
	JTI     TokenID
	PrevGen int64 // its predecessor; PrevJTI is empty at generation 0
	PrevJTI TokenID

	RotatedAt time.Time // when Gen last changed
	Op        string    // the call that changed it
	Seen      bool      // the live token has been presented

	IdleAt     time.Time // expiry by idleness; slides where the policy says so
	AbsoluteAt time.Time // expiry come what may; the exp of every refresh token

	Epoch    int64 // the user's SessionEpoch at login
	ClientID string
	Delivery Delivery
	Scope    string    // space separated
	AMR      string    // how the user authenticated, space separated (RFC 8176)
	AuthTime time.Time // when; a refresh never renews it

	Graced     int64     // graced answers since the last rotation
	Recoveries int64     // recoveries within the window
	RecoveryAt time.Time // start of that window

	Ended   EndReason // not empty: a tombstone
	EndedAt time.Time
	EndOp   string

	CreatedAt time.Time
	UsedAt    time.Time
	Address   string // of the login
	Agent     string // of the login, at most 64 bytes
}

// Tombstone is what is left of a session that has ended: its ID and user, why, when and
// by which call it ended, and AbsoluteAt.
func (s Session) Tombstone(reason EndReason, at time.Time, op string) Session {
	return Session{ID: s.ID, UserID: s.UserID, AbsoluteAt: s.AbsoluteAt, Ended: reason, EndedAt: at, EndOp: op}
}

// Presentation is a refresh token shown to the store, whose signature, issuer
// and expiry have been verified, with all that decides what becomes of it.
type Presentation struct {
	UserID    string
	SessionID string
	Gen       int64
	JTI       TokenID
	Next      TokenID // the successor of JTI in the session's chain

	ClientID string
	Delivery Delivery
	Epoch    int64  // the user's SessionEpoch now
	Kept     bool   // the session is the user's KeptSession
	Op       string // random; the same call repeated carries the same
	Now      time.Time

	// IssuedAt is the iat of the token: when its generation began, in whole
	// seconds.
	IssuedAt time.Time
	// ClockLimit is how far the clock of a replica may be off. Woken says that this
	// replica stood still a moment ago, so that the call may be older than Now.
	ClockLimit time.Duration
	Woken      bool
	// Keep asks for an access token only: no refresh token is made.
	Keep bool

	Rotate   bool          // false: the live token stays
	Sliding  bool          // true: an accepted presentation moves IdleAt
	Grace    time.Duration // for which a predecessor is honoured; 0: never
	Debounce time.Duration // for which the live token stays
	Recovery time.Duration // within which a lost successor is replaced; 0: never
	IdleTTL  time.Duration

	// Proof answers a question; nil the first time.
	Proof *Proof
}

// Proof is what the caller knows of the chain of token ids, for a session whose
// live token is (Gen, JTI). If that is no longer so, the question is asked again.
type Proof struct {
	Gen  int64
	JTI  TokenID
	Next TokenID // the id that follows JTI
	// Before is the id before the presented one, in a chain that leads from JTI
	// to it; empty if it does not.
	Before TokenID
}

// The limits of the protocol.
const (
	// MaxGraced is how often a predecessor is honoured for one rotation.
	MaxGraced = 200
	// MaxRecoveries is how many lost successors are replaced in a RecoveryWindow.
	MaxRecoveries  = 3
	RecoveryWindow = 24 * time.Hour
	// MaxAhead is how many generations a store may have forgotten: a month of one
	// each five minutes.
	MaxAhead = 8192
	// MaxRotatedAhead is how far RotatedAt may be ahead of a call. Beyond it, a wrong
	// clock wrote it.
	MaxRotatedAhead = time.Minute
)

// Presented is what became of a presentation. Ended says why a revoked session
// ended; it is empty where the epoch ended it. For a question only Gen, JTI and
// RotatedAt are set, those of the live token. All else is set only for accepted
// presentations, and describes the session after them.
type Presented struct {
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

// Ending asks for a tombstone.
type Ending struct {
	UserID    string
	SessionID string
	Reason    EndReason
	Epoch     int64 // for EndOtherSessions: the user's SessionEpoch now
	Op        string
	Now       time.Time
}

// Limit is how many live sessions a user may have after a login. Live means live
// for a user of the new session's epoch.
type Limit struct {
	Sessions int
	Kept     string // the user's KeptSession
	Replaced string // the session that the login ends anyway: it does not count
}

// Sessions keeps the live refresh token of each session.
type Sessions interface {
	// CreateSession adds a session. Only a login calls it. Where the user then
	// has more live ones than l allows, it returns those that were idle the
	// longest, for the login to end. Adding the same session again changes
	// nothing and returns such sessions again; ErrExists for an ID that another
	// one has.
	CreateSession(ctx context.Context, s Session, l Limit) (surplus []string, err error)

	// PresentSession decides what becomes of a refresh token and changes the
	// session accordingly, in one atomic step; Session.Present is its meaning.
	// A session that is not there is OutcomeUnknown, not an error. Of many
	// concurrent presentations of one live token exactly one is
	// OutcomeRotated. The same call with the same Op again returns what it
	// returned first.
	PresentSession(ctx context.Context, p Presentation) (Presented, error)

	// EndSession puts a tombstone on a session; the first one stays, and why it
	// was put there is returned, else "". It never brings a session back, and is
	// nil for one that is not there. It is called once the database has the end of
	// the session: a store may forget the tombstone an hour later.
	EndSession(ctx context.Context, e Ending) (before EndReason, err error)

	// EndOtherSessions puts a tombstone on each session of a user but
	// e.SessionID (empty: on all) and those of e.Epoch: they began after what
	// ended the others.
	EndOtherSessions(ctx context.Context, e Ending) error

	// ListSessions returns the sessions of a user that have no tombstone, the
	// one used last first. Expired ones may be among them.
	ListSessions(ctx context.Context, userID string) ([]Session, error)

	// PurgeSessions forgets at most limit sessions whose AbsoluteAt is before a
	// time, and returns how many. A store that forgets a session by itself, at most
	// two hours after AbsoluteAt, returns 0.
	PurgeSessions(ctx context.Context, before time.Time, limit int) (int, error)

	// FindSession reads a session, ended ones included, as it is now.
	// ErrNotFound if it is not there.
	FindSession(ctx context.Context, userID, sessionID string) (Session, error)
}
