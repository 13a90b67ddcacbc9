package repository

import (
	"context"
	"strings"
	"time"
)

// PasswordHash is a bcrypt hash in its textual form. The separate type prevents storing the
// password itself.
type PasswordHash string

// The privileges of a user.
const (
	PrivilegeUser          = 0
	PrivilegeManager       = 1
	PrivilegeAdministrator = 2
)

// User is an account.
type User struct {
	ID string // UUID

	// Username and Email are stored as the user typed them. Comparisons use the keys,
	// which are normalized and unique.
	Username    string
	UsernameKey string
	Email       string
	EmailKey    string

	PasswordHash PasswordHash
	// CredentialVersion is incremented by each new password. A new hash of the same
	// password does not change it.
	CredentialVersion int64
	Privilege         int
	Disabled          bool
	DisabledReason    string // for administrators

	Locale          string    // en, de, ja or ko; empty: the default
	EmailVerifiedAt time.Time // zero: not verified
	// ResetLinkIssuedAt is when an administrator or an operator last received a link that
	// resets the password.
	ResetLinkIssuedAt time.Time

	// SessionEpoch is incremented to revoke all sessions of the user at once. Sessions of
	// an older epoch are revoked, except ExceptSession (empty: none).
	SessionEpoch  int64
	ExceptSession string

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Users stores the accounts.
type Users interface {
	// CreateUser adds a user and its audit record in one step. It returns ErrNotAllowed if
	// the caller is not an administrator, and ErrUsernameExists or ErrEmailExists if a
	// key is taken: of concurrent calls with the same key exactly one succeeds. An address
	// that a live undo link restores is taken too.
	CreateUser(ctx context.Context, u User, by Caller, a AuditRecord, mail ...Message) error

	// FindUserByID returns ErrNotFound for an unknown ID.
	FindUserByID(ctx context.Context, id string) (User, error)

	// FindUserByUsername finds a user by UsernameKey. It returns ErrNotFound if none has it.
	FindUserByUsername(ctx context.Context, key string) (User, error)

	// FindUserByEmail finds a user by EmailKey. It returns ErrNotFound if none has it.
	FindUserByEmail(ctx context.Context, key string) (User, error)

	// FindUserOfSession returns the user, and the reason why the session was revoked, or
	// "", in one step. A refresh needs nothing else from the database. It returns
	// ErrNotFound for an unknown user.
	FindUserOfSession(ctx context.Context, userID, sessionID string) (u User, ended EndReason, err error)

	// ChangePassword replaces the caller's password hash and revokes all sessions of the
	// user except the caller's, in one step. It returns the new epoch. It returns
	// ErrNotAllowed if the caller's session is not live, and ErrNotFound if the hash is
	// not Old: of concurrent calls exactly one succeeds.
	ChangePassword(ctx context.Context, c PasswordChange, a AuditRecord, mail ...Message) (epoch int64, err error)

	// ChangeProfile changes the caller's username or locale, in one step, and adds the
	// messages. It returns ErrUsernameExists if another user has the key, ErrNotAllowed if
	// the caller's session is not live, and ErrNotFound if the password hash is not Hash.
	ChangeProfile(ctx context.Context, c ProfileChange, a AuditRecord, mail ...Message) error

	// DeleteUser deletes the caller's account, in one step. It returns the epoch that ends
	// all sessions. It returns ErrNotAllowed if the caller's session is not live, and
	// ErrNotFound if the password hash is not hash. It returns ErrLastAdministrator if no
	// enabled administrator would remain, also under concurrent calls. It returns ErrLimit
	// while an undo link is live, so that a thief cannot void the link. Of the messages to
	// the user only the count against the budget remains.
	DeleteUser(ctx context.Context, by Caller, hash PasswordHash, a AuditRecord) (epoch int64, err error)

	// ListUsers returns the entries that match a query, in its order. Its cost grows with the
	// limit, and not with the number of users, unless the query has both Prefix and
	// CreatedAfter.
	ListUsers(ctx context.Context, q UserQuery) ([]UserEntry, error)

	// ChangeUser changes a user for an administrator, the caller, or for an operator, in one
	// step. It returns the user, and increments the epoch if the user is disabled. It
	// returns ErrNotAllowed if the caller is not an administrator, ErrNotFound for an
	// unknown user, and ErrConflict if the user has changed since Was. It returns
	// ErrUsernameExists and ErrEmailExists if another user has the key. It returns
	// ErrLastAdministrator if no enabled administrator would remain, also under concurrent
	// calls. A new address voids the links of the user, except those that restore an earlier
	// address.
	ChangeUser(ctx context.Context, c UserChange, a AuditRecord, mail ...Message) (User, error)

	// RemoveUser deletes a user for an administrator, the caller, or for an operator, in one
	// step. It returns the epoch that ends all sessions, and the errors of ChangeUser; was is
	// the field Was there.
	RemoveUser(ctx context.Context, userID string, was time.Time, by Caller, a AuditRecord) (epoch int64, err error)

	// SetPassword replaces the password hash of a user, whatever it was, and revokes all
	// sessions of the user, in one step. It returns the new epoch, and ErrNotFound for an
	// unknown user.
	SetPassword(ctx context.Context, userID string, hash PasswordHash, at time.Time, a AuditRecord, mail ...Message) (epoch int64, err error)

	// ReplaceHash replaces a hash by another hash of the same password. It returns
	// ErrNotFound unless the hash of the user is old.
	ReplaceHash(ctx context.Context, userID string, old, hash PasswordHash, at time.Time) error

	// EndUserSessions revokes all sessions of a user in one step: it increments the epoch
	// and returns it. It returns ErrNotFound for an unknown user, and ErrNotAllowed if the
	// caller is not an administrator.
	EndUserSessions(ctx context.Context, userID string, by Caller, at time.Time, a AuditRecord) (epoch int64, err error)

	// EndOtherUserSessions revokes all sessions of the user except the caller's, in one
	// step, and returns the new epoch. It returns ErrNotAllowed if the caller's session
	// is not live, because a revoked session would become live again.
	EndOtherUserSessions(ctx context.Context, by Caller, at time.Time, a AuditRecord) (epoch int64, err error)

	// RecordActing records that the caller, an administrator, impersonates a user. It
	// writes nothing and returns ErrNotAllowed if the caller is not an administrator, or
	// the user is disabled or an administrator.
	RecordActing(ctx context.Context, userID string, by Caller, a AuditRecord) error

	// EndAllSessions revokes all sessions of all users in one step and returns the number
	// of users. Each user gets an epoch that the user never had, not even before the
	// database was restored from a backup: at in microseconds, or the previous epoch plus
	// one if that is greater.
	EndAllSessions(ctx context.Context, at time.Time, a AuditRecord) (users int, err error)
}

// PasswordChange replaces the password hash of the caller.
type PasswordChange struct {
	By  Caller
	Old PasswordHash
	New PasswordHash
	At  time.Time
}

// UserQuery selects users. A nil or zero field does not restrict the selection.
type UserQuery struct {
	Privilege    *int
	Disabled     *bool
	Verified     *bool
	CreatedAfter time.Time // no earlier than this
	// Prefix is the start of the UsernameKey or the EmailKey. With it the entries are in the order
	// of the keys, and a user whose two keys match has two entries: to find out while reading
	// whether a later entry repeats a user could take a read of every entry. Without it the newest
	// user is first.
	Prefix string
	After  UserCursor // of the last entry of the previous page
	Limit  int
}

// UserEntry is a user at a place in the order of a query.
type UserEntry struct {
	User
	Key string // that matches the prefix; empty without a prefix
}

// Cursor returns the position of an entry.
func (e UserEntry) Cursor() UserCursor {
	if e.Key != "" {
		return UserCursor{Key: e.Key}
	}
	return UserCursor{CreatedAt: e.CreatedAt, ID: e.ID}
}

// Repeats reports whether the user has another entry in the query, by the username.
func (q UserQuery) Repeats(e UserEntry) bool {
	return e.Key != "" && e.Key != e.UsernameKey && strings.HasPrefix(e.UsernameKey, q.Prefix)
}

// UserCursor is the position of an entry in the order of a query: CreatedAt and ID, or with a prefix
// Key. The zero UserCursor is the start.
type UserCursor struct {
	CreatedAt time.Time
	ID        string
	Key       string
}

// UserState is a combination of the properties by which the stores index users.
type UserState struct {
	Privilege int
	Disabled  bool
	Verified  bool
}

// States returns the combinations that match a query. Each is a range of an index, and the stores merge
// the ranges.
func (q UserQuery) States() (list []UserState) {
	for privilege := range PrivilegeAdministrator + 1 {
		for _, disabled := range []bool{false, true} {
			for _, verified := range []bool{false, true} {
				if (q.Privilege == nil || *q.Privilege == privilege) && (q.Disabled == nil || *q.Disabled == disabled) && (q.Verified == nil || *q.Verified == verified) {
					list = append(list, UserState{privilege, disabled, verified})
				}
			}
		}
	}
	return list
}

// UserChange changes a user. A nil field stays as it is.
type UserChange struct {
	UserID   string
	By       Caller
	Was      time.Time // UpdatedAt of the user that the caller has seen; zero: any
	Username *string
	Email    *string // a new address is not verified unless Verified says so
	// UsernameKey and EmailKey are the keys of Username and Email.
	UsernameKey, EmailKey string
	Privilege             *int
	Disabled              *bool
	DisabledReason        *string
	Verified              *bool
	Locale                *string
	At                    time.Time
}

// Apply returns a user after the change. Every store applies changes by this method, under a lock on
// the user.
func (c UserChange) Apply(u User) User {
	if c.Username != nil {
		u.Username, u.UsernameKey = *c.Username, c.UsernameKey
	}
	if c.Email != nil {
		if c.EmailKey != u.EmailKey {
			u.EmailVerifiedAt = time.Time{}
		}
		u.Email, u.EmailKey = *c.Email, c.EmailKey
	}
	if c.Privilege != nil {
		u.Privilege = *c.Privilege
	}
	if c.Disabled != nil && *c.Disabled != u.Disabled {
		if u.Disabled = *c.Disabled; u.Disabled {
			u.SessionEpoch, u.ExceptSession = u.SessionEpoch+1, ""
		} else {
			u.DisabledReason = ""
		}
	}
	if c.DisabledReason != nil && u.Disabled {
		u.DisabledReason = *c.DisabledReason
	}
	switch {
	case c.Verified == nil:
	case !*c.Verified:
		u.EmailVerifiedAt = time.Time{}
	case u.EmailVerifiedAt.IsZero():
		u.EmailVerifiedAt = c.At
	}
	if c.Locale != nil {
		u.Locale = *c.Locale
	}
	if c.At.After(u.UpdatedAt) {
		u.UpdatedAt = c.At
	} else { // the version must differ
		u.UpdatedAt = u.UpdatedAt.Add(time.Microsecond)
	}
	return u
}

// ProfileChange changes the username or the locale of the caller. An empty field stays as it is.
type ProfileChange struct {
	By          Caller
	Hash        PasswordHash // which the caller has confirmed
	Username    string
	UsernameKey string
	Locale      string
	At          time.Time
}
