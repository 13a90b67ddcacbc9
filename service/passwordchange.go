package service

import (
	"context"
	"errors"
	"time"

	"latchkey/repository"
)

// Passwords changes passwords.
type Passwords struct {
	store    repository.Store
	sessions *Sessions
	hasher   *Hasher
	throttle *Throttle
	policy   PasswordPolicy
	now      func() time.Time
	audit    *AuditLog
}

// NewPasswords returns the passwords of the users in a store.
func NewPasswords(store repository.Store, sessions *Sessions, hasher *Hasher, throttle *Throttle, policy PasswordPolicy,
	now func() time.Time, audit *AuditLog,
) *Passwords {
	return &Passwords{store: store, sessions: sessions, hasher: hasher, throttle: throttle, policy: policy, now: now, audit: audit}
}

// PasswordChange is a change of the password of whom an access token speaks for.
type PasswordChange struct {
	Who           Live
	Current, Next Password
	Device        DeviceToken // that the device has
	From          Origin
}

// Change replaces the password, and ends all sessions but the one that asks. It
// returns the new token of a device that was known: all others are forgotten.
// Invalid_credentials if the current password is wrong, rate_limited after too many
// of those, password_rejected if the new one is not acceptable.
func (p *Passwords) Change(ctx context.Context, c PasswordChange) (DeviceToken, error) {
	u, err := p.store.Users.FindUserByID(ctx, c.Who.UserID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return "", AccountGone()
	case err != nil:
		return "", StoreFailure("find whose password to change", err)
	}
	problem, err := p.policy.Check(c.Next, u.Username, u.Email)
	if err != nil {
		return "", err
	}
	if problem != "" {
		return "", FieldError(CodePasswordRejected, "newPassword", problem)
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
		return "", PrivilegeChanged()
	case errors.Is(err, repository.ErrNotFound): // another request was faster
		return "", NewError(CodeInvalidCredentials, "The password has just been changed. Try again.")
	case err != nil:
		return "", StoreFailure("change a password", err)
	}
	device := p.throttle.knownTo(c.Device, u)
	u.SessionEpoch = epoch
	p.sessions.MarkEnded(ctx, record, repository.EndPassword, c.Who.SessionID, epoch)
	if device == nil {
		return "", nil
	}
	return p.throttle.remember(u, device), nil
}

// confirm demands the current password. A stolen access token must not be worth a
// guess at it as often as one likes.
func (p *Passwords) confirm(ctx context.Context, c PasswordChange, u repository.User, record repository.AuditRecord) error {
	attempt, first, slow, err := p.throttle.begin(ctx, p.throttle.confirmation(c.Who.Subject, c.Current))
	if err != nil {
		return err
	}
	if slow != nil {
		if first {
			return p.refuse(ctx, record, LoginThrottled, slow)
		}
		return slow
	}
	match, err := p.hasher.Compare(ctx, c.From.Address, u.PasswordHash, c.Current)
	outcome := LoginSucceeded
	switch {
	case err != nil:
		outcome = LoginFailed
	case !match:
		outcome = LoginWrong
	}
	if err := p.throttle.end(ctx, attempt, attemptEnd(outcome, err)); err != nil {
		return StoreFailure("count an attempt", err)
	}
	if outcome == LoginWrong {
		return p.refuse(ctx, record, outcome, NewError(CodeInvalidCredentials, "The current password is wrong."))
	}
	return err
}

// refuse records that a password was not changed, and returns the answer.
func (p *Passwords) refuse(ctx context.Context, record repository.AuditRecord, why LoginOutcome, answer error) error {
	record.Outcome = string(why)
	if err := p.audit.Write(ctx, record); err != nil {
		return err
	}
	return answer
}
