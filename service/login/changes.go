package login

import (
	"context"
	"errors"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/mail"
	"latchkey/service/password"
	"latchkey/service/session"
)

// Changes changes accounts: for their owners, who confirm with the current password, and for an
// operator.
type Changes struct {
	store    repository.Store
	sessions *session.Service
	hasher   *password.Hasher
	throttle *Throttle
	policy   password.Policy
	conceal  bool // keep secret whether an address has an account
	mail     *mail.Composer
	now      func() time.Time
	audit    *audit.Log
}

// NewChanges returns Changes of the users in a store. With conceal it keeps secret whether a new
// address has an account.
func NewChanges(store repository.Store, sessions *session.Service, hasher *password.Hasher, throttle *Throttle, policy password.Policy,
	conceal bool, mail *mail.Composer, now func() time.Time, audit *audit.Log,
) *Changes {
	return &Changes{store: store, sessions: sessions, hasher: hasher, throttle: throttle, policy: policy, conceal: conceal, mail: mail, now: now, audit: audit}
}

// Owner is the subject of an access token who changes the own account, and confirms it with the
// current password.
type Owner struct {
	Who     session.Live
	Current password.Password
	From    audit.Origin
}

// PasswordChange is an owner's request to change the password.
type PasswordChange struct {
	Owner
	Next   password.Password
	Device TrustedDeviceToken // of the client's device
}

// Password replaces the password, and revokes all sessions except the current one. It returns a new
// token if the device was trusted; all other devices lose their trust. It returns
// invalid_credentials if the current password is wrong, rate_limited after too many wrong
// passwords, and password_rejected if the new password is not acceptable.
func (c *Changes) Password(ctx context.Context, r PasswordChange) (TrustedDeviceToken, error) {
	u, err := c.owner(ctx, r.Owner)
	if err != nil {
		return "", err
	}
	if err := c.check(r.Next, u); err != nil {
		return "", err
	}
	record := c.ownRecord(r.Owner, u, repository.AuditPasswordChange)
	if err := c.confirm(ctx, r.Owner, u, record); err != nil {
		return "", err
	}
	hash, err := c.hasher.Hash(ctx, r.From.Address, r.Next)
	if err != nil {
		return "", err
	}
	epoch, err := c.store.Users.ChangePassword(ctx, repository.PasswordChange{
		By: r.Who.Caller().Caller, Old: u.PasswordHash, New: hash, At: record.At,
	}, record, c.mail.Notice(mail.PasswordChanged, u, r.From)...)
	if err != nil {
		return "", changeFailure("change a password", err)
	}
	device := c.throttle.knownTo(r.Device, u)
	u.SessionEpoch = epoch
	c.sessions.MarkEnded(ctx, record, repository.EndPassword, r.Who.SessionID, epoch)
	if device == nil {
		return "", nil
	}
	return c.throttle.remember(u, device), nil
}

// Delete deletes the account and ends its sessions. The audit log keeps the ID of the user. It
// returns last_administrator for the only enabled administrator, undo_pending while an earlier
// address can be restored, and the errors of a wrong current
// password, as Password does.
func (c *Changes) Delete(ctx context.Context, o Owner) error {
	u, err := c.owner(ctx, o)
	if err != nil {
		return err
	}
	record := c.ownRecord(o, u, repository.AuditUserDeleted)
	if err := c.confirm(ctx, o, u, record); err != nil {
		return err
	}
	epoch, err := c.store.Users.DeleteUser(ctx, o.Who.Caller().Caller, u.PasswordHash, record)
	switch {
	case errors.Is(err, repository.ErrLastAdministrator):
		return service.LastAdministrator()
	case errors.Is(err, repository.ErrLimit):
		return service.NewError(service.CodeUndoPending, "The email address was changed less than 7 days ago, and the earlier address can "+
			"still restore it. Delete the account later, or restore the address first.")
	case err != nil:
		return changeFailure("delete a user", err)
	}
	c.sessions.MarkEnded(ctx, record, repository.EndDeleted, "", epoch)
	return nil
}

// owner returns the user of an owner.
func (c *Changes) owner(ctx context.Context, o Owner) (repository.User, error) {
	u, err := c.store.Users.FindUserByID(ctx, o.Who.UserID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return u, service.AccountGone()
	case err != nil:
		return u, service.StoreFailure("find the owner of an account", err)
	}
	return u, nil
}

// changeFailure returns the error for a change that the store did not make.
func changeFailure(doing string, err error) error {
	switch {
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	case errors.Is(err, repository.ErrNotFound): // another request changed the password first
		return service.NewError(service.CodeInvalidCredentials, "The password has just been changed. Try again.")
	}
	return service.StoreFailure(doing, err)
}

// SetPassword replaces the password of a user for an operator, whatever it was, and ends all sessions of
// the user. All devices lose their trust. It returns not_found for an unknown user, and
// password_rejected if the new password is not acceptable.
func (c *Changes) SetPassword(ctx context.Context, userID string, next password.Password, from audit.Origin) error {
	u, err := c.store.Users.FindUserByID(ctx, userID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.NoSuchAccount()
	case err != nil:
		return service.StoreFailure("find the user of a password change", err)
	}
	if err := c.check(next, u); err != nil {
		return err
	}
	hash, err := c.hasher.Hash(ctx, from.Address, next)
	if err != nil {
		return err
	}
	record := from.Record(c.now(), repository.AuditPasswordChange, "ok")
	record.UserID = u.ID
	epoch, err := c.store.Users.SetPassword(ctx, u.ID, hash, record.At, record, c.mail.Notice(mail.PasswordChanged, u, from)...)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.NoSuchAccount()
	case err != nil:
		return service.StoreFailure("set a password", err)
	}
	c.sessions.MarkEnded(ctx, record, repository.EndPassword, "", epoch)
	return nil
}

// check returns password_rejected if a new password is not acceptable for a user.
func (c *Changes) check(next password.Password, u repository.User) error {
	problem, err := c.policy.Check(next, u.Username, u.Email)
	if err == nil && problem != "" {
		err = service.FieldError(service.CodePasswordRejected, "newPassword", problem)
	}
	return err
}

// ownRecord returns the audit record of a change that an owner makes.
func (c *Changes) ownRecord(o Owner, u repository.User, event repository.AuditEvent) repository.AuditRecord {
	record := o.From.Record(c.now(), event, "ok")
	record.UserID, record.SessionID, record.ClientID = u.ID, o.Who.SessionID, o.Who.ClientID
	return record
}

// confirm compares the current password under a limit of its own, because a stolen access token
// must not allow unlimited guesses. It records a refusal of the change.
func (c *Changes) confirm(ctx context.Context, o Owner, u repository.User, record repository.AuditRecord) error {
	admission, err := c.throttle.begin(ctx, c.throttle.confirmation(o.Who.Subject, o.Current))
	if err != nil {
		return err
	}
	if admission.delayed() {
		return c.refuse(ctx, record, admission.refusal("Too many wrong passwords. Wait a moment and try again."))
	}
	match, err := c.hasher.Compare(ctx, o.From.Address, u.PasswordHash, o.Current)
	end := repository.AttemptSucceeded
	switch {
	case err == nil && !match, errors.Is(err, context.Canceled): // a client that disconnects has cost a hash
		end = repository.AttemptFailed
	case err != nil:
		end = repository.AttemptUndone
	}
	if err := c.throttle.end(ctx, admission, end); err != nil {
		return service.StoreFailure("count an attempt", err)
	}
	if err == nil && !match {
		return c.refuse(ctx, record, &refusal{
			outcome: WrongPassword, recorded: true, answer: service.NewError(service.CodeInvalidCredentials, "The current password is wrong."),
		})
	}
	return err
}

// refuse records that an account was not changed, and returns the answer.
func (c *Changes) refuse(ctx context.Context, record repository.AuditRecord, r *refusal) error {
	if r.recorded {
		record.Outcome = string(r.outcome)
		if err := c.audit.Write(ctx, record); err != nil {
			return err
		}
	}
	return r.answer
}
