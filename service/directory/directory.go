package directory

import (
	"context"
	"errors"
	"strconv"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/mail"
	"latchkey/service/session"
)

// User is an account as managers and administrators see it.
type User struct {
	account.Account

	Disabled       bool
	DisabledReason string
	Version        Version
}

// Version identifies a state of a user. Each change of the user gives another version.
type Version string

func of(u repository.User) User {
	return User{
		Account: account.Of(u), Disabled: u.Disabled, DisabledReason: u.DisabledReason,
		Version: Version(strconv.FormatInt(u.UpdatedAt.UnixMicro(), 36)),
	}
}

// time returns when the user got the version; zero for the empty version, which matches any state.
// A text that is no version gives a time that no user has.
func (v Version) time() time.Time {
	if v == "" {
		return time.Time{}
	}
	n, err := strconv.ParseInt(string(v), 36, 64)
	if err != nil {
		n = 0
	}
	return time.UnixMicro(n)
}

// Service reads and changes accounts. The caller by of a method is an administrator. The zero caller
// is an operator with access to the program and its settings.
type Service struct {
	users    repository.Users
	sessions *session.Service
	mail     *mail.Composer
	verify   bool // an address is asked to be verified
	now      func() time.Time
	audit    *audit.Log
}

// New returns a Service for the accounts in a store. With verify, a new address is asked to be verified.
func New(users repository.Users, sessions *session.Service, mail *mail.Composer, verify bool, now func() time.Time, audit *audit.Log) *Service {
	return &Service{users: users, sessions: sessions, mail: mail, verify: verify, now: now, audit: audit}
}

// Find returns a user. It returns not_found for an unknown ID.
func (s *Service) Find(ctx context.Context, id string) (User, error) {
	id, err := service.AccountID(id)
	if err != nil {
		return User{}, err
	}
	u, err := s.users.FindUserByID(ctx, id)
	return of(u), failure("find a user", err)
}

// Remove deletes a user, and ends the sessions of the user. With a version it removes the user only
// in that state. The audit log keeps the ID. It returns not_found, precondition_failed,
// last_administrator if no enabled administrator would remain, and token_expired if the caller is
// no longer an administrator.
func (s *Service) Remove(ctx context.Context, id string, was Version, by account.Caller, from audit.Origin) error {
	id, err := service.AccountID(id)
	if err != nil {
		return err
	}
	record := from.Record(s.now(), repository.AuditUserDeleted, "ok")
	record.UserID, record.ActorID = id, by.UserID
	epoch, err := s.users.RemoveUser(ctx, id, was.time(), by.Caller, record)
	if err != nil {
		return failure("remove a user", err)
	}
	s.sessions.MarkEnded(ctx, record, repository.EndDeleted, "", epoch)
	return nil
}

// failure returns the error for a client, or nil.
func failure(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, repository.ErrNotFound):
		return service.NoSuchAccount()
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	case errors.Is(err, repository.ErrLastAdministrator):
		return service.LastAdministrator()
	case errors.Is(err, repository.ErrConflict):
		return service.NewError(service.CodePreconditionFailed, "The account has changed since you read it. Read it again, and repeat your change.")
	case errors.Is(err, repository.ErrUsernameExists):
		return service.UsernameTaken()
	case errors.Is(err, repository.ErrEmailExists):
		return service.EmailTaken()
	}
	return service.StoreFailure(doing, err)
}
