package login

import (
	"context"
	"errors"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/password"
	"latchkey/service/session"
)

// Passwords changes passwords.
type Passwords struct {
	store    repository.Store
	sessions *session.Service
	hasher   *password.Hasher
	throttle *Throttle
	policy   password.Policy
	now      func() time.Time
	audit    *audit.Log
}

// NewPasswords returns a Passwords for the users in a store.
func NewPasswords(store repository.Store, sessions *session.Service, hasher *password.Hasher, throttle *Throttle, policy password.Policy,
	now func() time.Time, audit *audit.Log,
) *Passwords {
	return &Passwords{store: store, sessions: sessions, hasher: hasher, throttle: throttle, policy: policy, now: now, audit: audit}
}

// PasswordChange is a request to change the password of the subject of an access token.
type PasswordChange struct {
	Who           session.Live
	Current, Next password.Password
	Device        TrustedDeviceToken // of the client's device
	From          audit.Origin
}

// Change replaces the password, and revokes all sessions except the current one. It returns a new
// token if the device was trusted; all other devices lose their trust. It returns
// invalid_credentials if the current password is wrong, rate_limited after too many wrong
// passwords, and password_rejected if the new password is not acceptable.
func (p *Passwords) Change(ctx context.Context, c PasswordChange) (TrustedDeviceToken, error) {
	u, err := p.store.Users.FindUserByID(ctx, c.Who.UserID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return "", service.AccountGone()
	case err != nil:
		return "", service.StoreFailure("find the user of a password change", err)
	}
	if err := p.check(c.Next, u); err != nil {
		return "", err
	}
	record := c.From.Record(p.now(), repository.AuditPasswordChange, "ok")
	record.UserID, record.SessionID, record.ClientID = u.ID, c.Who.SessionID, c.Who.ClientID
	if err := p.confirm(ctx, c, u, record); err != nil {
		return "", err
	}
	hash, err := p.hasher.Hash(ctx, c.From.Address, c.Next)
	if err != nil {
		return "", err
	}
	epoch, err := p.store.Users.ChangePassword(ctx, repository.PasswordChange{
		By: c.Who.Caller().Caller, Old: u.PasswordHash, New: hash, At: record.At,
	}, record)
	switch {
	case errors.Is(err, repository.ErrNotAllowed):
		return "", service.PrivilegeChanged()
	case errors.Is(err, repository.ErrNotFound): // another request changed it first
		return "", service.NewError(service.CodeInvalidCredentials, "The password has just been changed. Try again.")
	case err != nil:
		return "", service.StoreFailure("change a password", err)
	}
	device := p.throttle.knownTo(c.Device, u)
	u.SessionEpoch = epoch
	p.sessions.MarkEnded(ctx, record, repository.EndPassword, c.Who.SessionID, epoch)
	if device == nil {
		return "", nil
	}
	return p.throttle.remember(u, device), nil
}

// Set replaces the password of a user for an operator, whatever it was, and ends all sessions of
// the user. All devices lose their trust. It returns not_found for an unknown user, and
// password_rejected if the new password is not acceptable.
func (p *Passwords) Set(ctx context.Context, userID string, next password.Password, from audit.Origin) error {
	u, err := p.store.Users.FindUserByID(ctx, userID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.NoSuchAccount()
	case err != nil:
		return service.StoreFailure("find the user of a password change", err)
	}
	if err := p.check(next, u); err != nil {
		return err
	}
	hash, err := p.hasher.Hash(ctx, from.Address, next)
	if err != nil {
		return err
	}
	record := from.Record(p.now(), repository.AuditPasswordChange, "ok")
	record.UserID = u.ID
	epoch, err := p.store.Users.SetPassword(ctx, u.ID, hash, record.At, record)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.NoSuchAccount()
	case err != nil:
		return service.StoreFailure("set a password", err)
	}
	p.sessions.MarkEnded(ctx, record, repository.EndPassword, "", epoch)
	return nil
}

// check returns password_rejected if a new password is not acceptable for a user.
func (p *Passwords) check(next password.Password, u repository.User) error {
	problem, err := p.policy.Check(next, u.Username, u.Email)
	if err == nil && problem != "" {
		err = service.FieldError(service.CodePasswordRejected, "newPassword", problem)
	}
	return err
}

// confirm compares the current password under a limit of its own, because a stolen access token
// must not allow unlimited guesses.
func (p *Passwords) confirm(ctx context.Context, c PasswordChange, u repository.User, record repository.AuditRecord) error {
	admission, err := p.throttle.begin(ctx, p.throttle.confirmation(c.Who.Subject, c.Current))
	if err != nil {
		return err
	}
	if admission.delayed() {
		return p.refuse(ctx, record, admission.refusal("Too many wrong passwords. Wait a moment and try again."))
	}
	match, err := p.hasher.Compare(ctx, c.From.Address, u.PasswordHash, c.Current)
	end := repository.AttemptSucceeded
	switch {
	case err == nil && !match, errors.Is(err, context.Canceled): // a client that disconnects has cost a hash
		end = repository.AttemptFailed
	case err != nil:
		end = repository.AttemptUndone
	}
	if err := p.throttle.end(ctx, admission, end); err != nil {
		return service.StoreFailure("count an attempt", err)
	}
	if err == nil && !match {
		return p.refuse(ctx, record, &refusal{
			outcome: WrongPassword, recorded: true, answer: service.NewError(service.CodeInvalidCredentials, "The current password is wrong."),
		})
	}
	return err
}

// refuse records that a password was not changed, and returns the answer.
func (p *Passwords) refuse(ctx context.Context, record repository.AuditRecord, r *refusal) error {
	if r.recorded {
		record.Outcome = string(r.outcome)
		if err := p.audit.Write(ctx, record); err != nil {
			return err
		}
	}
	return r.answer
}
