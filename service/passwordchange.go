package service

import (
	"context"
	"errors"
	"time"

	"latchkey/repository"
)

// Passwords changes passwords.
type Passwords struct {
	users    repository.Users
	sessions *Sessions
	hasher   *Hasher
	policy   PasswordPolicy
}

// NewPasswords returns the passwords of the users in a store.
func NewPasswords(users repository.Users, sessions *Sessions, hasher *Hasher, policy PasswordPolicy) *Passwords {
	return &Passwords{users: users, sessions: sessions, hasher: hasher, policy: policy}
}

// Change replaces the password of whom an access token speaks for, and ends all
// sessions but its own. Invalid_credentials if the current password is wrong,
// password_rejected if the new one is not acceptable.
func (p *Passwords) Change(ctx context.Context, who Subject, current, next Password, from Origin) error {
	u, err := p.sessions.current(ctx, who)
	if err != nil {
		return err
	}
	problem, err := p.policy.Check(next, u.Username, u.Email)
	if err != nil {
		return err
	}
	if problem != "" {
		return fieldError(CodePasswordRejected, "newPassword", problem)
	}
	match, err := p.hasher.Compare(ctx, u.PasswordHash, current)
	if err != nil {
		return err
	}
	if !match {
		return NewError(CodeInvalidCredentials, "The current password is wrong.")
	}
	hash, err := p.hasher.Hash(ctx, next)
	if err != nil {
		return err
	}
	now := p.sessions.now().UTC().Truncate(time.Microsecond)
	record := from.audit(now, repository.AuditPasswordChange, "ok")
	record.UserID, record.SessionID, record.ClientID = u.ID, who.SessionID, who.ClientID
	err = p.users.ChangePassword(ctx, repository.PasswordChange{
		UserID: u.ID, Old: u.PasswordHash, New: hash, Kept: who.SessionID, Epoch: u.SessionEpoch, At: now,
	}, record)
	switch {
	case errors.Is(err, repository.ErrNotFound): // somebody else was faster
		return NewError(CodeInvalidCredentials, "The password or the sessions have just been changed. Try again.")
	case err != nil:
		return storeFailure("change a password", err)
	}
	p.sessions.followAll(ctx, record, repository.EndPassword, who.SessionID, u.SessionEpoch+1)
	return nil
}
