package login

import (
	"context"
	"errors"
	"strings"

	"latchkey/internal/catalog"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
)

// ProfileChange is an owner's request to change the profile. An empty field stays as it is. A new
// username or email address requires the current password.
type ProfileChange struct {
	Owner
	Username string
	Email    string
	Locale   string
}

// Changed is the result of a ProfileChange.
type Changed struct {
	account.Account
	PendingEmail string // the new address, which the account gets when the address is confirmed; may be empty
}

// Profile changes the username and the locale, and sends a link to a new email address. It returns
// invalid_request if a field is not acceptable, username_taken and email_taken if another user has
// the name, mail_unavailable if no mail can be sent, and the errors of a wrong current password, as
// Password does.
func (c *Changes) Profile(ctx context.Context, r ProfileChange) (Changed, error) {
	update, emailKey, err := r.check()
	if err != nil {
		return Changed{}, err
	}
	u, err := c.owner(ctx, r.Owner)
	if err != nil {
		return Changed{}, err
	}
	event := repository.AuditProfileChange
	switch {
	case update.Username != "":
		event = repository.AuditUsernameChange
	case emailKey != "":
		event = repository.AuditEmailRequested
	}
	record := c.ownRecord(r.Owner, u, event)
	if event != repository.AuditProfileChange {
		if err := c.confirm(ctx, r.Owner, u, record); err != nil {
			return Changed{}, err
		}
	}
	var confirmation []repository.Message
	if emailKey != "" {
		if err := c.mayMoveTo(ctx, u, emailKey, r.From); err != nil {
			return Changed{}, err
		}
		confirmation = []repository.Message{c.mail.Change(u, account.Trim(r.Email))}
	}
	update.By, update.Hash, update.At = r.Who.Caller().Caller, u.PasswordHash, record.At
	err = c.store.Users.ChangeProfile(ctx, update, record, confirmation...)
	switch {
	case errors.Is(err, repository.ErrUsernameExists):
		return Changed{}, service.UsernameTaken()
	case err != nil:
		return Changed{}, changeFailure("change a profile", err)
	}
	c.audit.Committed(ctx, record)
	if emailKey != "" && event != repository.AuditEmailRequested { // the record of the transition names one change
		if err := c.audit.Write(ctx, c.ownRecord(r.Owner, u, repository.AuditEmailRequested)); err != nil {
			return Changed{}, err
		}
	}
	return Changed{Account: account.Of(changed(u, update)), PendingEmail: account.Trim(r.Email)}, nil
}

// check returns the change of the store, and the key of a new address, or invalid_request with every
// field that is wrong.
func (r ProfileChange) check() (update repository.ProfileChange, emailKey string, err error) {
	fields := map[string]string{}
	var problem string
	if name := account.Trim(r.Username); name != "" {
		update.Username = name
		if update.UsernameKey, problem = account.UsernameKey(name); problem != "" {
			fields["username"] = problem
		}
	}
	if address := account.Trim(r.Email); address != "" {
		if emailKey, problem = account.EmailKey(address); problem != "" {
			fields["email"] = problem
		}
	}
	if r.Locale != "" {
		update.Locale = r.Locale
		if !catalog.Known(r.Locale) {
			fields["locale"] = "must be one of " + strings.Join(catalog.Locales(), ", ")
		}
	}
	switch {
	case len(fields) > 0:
		return update, emailKey, &service.Error{Code: service.CodeInvalidRequest, Message: "Some fields are invalid.", Fields: fields}
	case update.Username == "" && emailKey == "" && update.Locale == "":
		return update, emailKey, service.NewError(service.CodeInvalidRequest, "Send a username, an email or a locale to change.")
	}
	return update, emailKey, nil
}

// mayMoveTo returns an error if a user cannot ask for an address.
func (c *Changes) mayMoveTo(ctx context.Context, u repository.User, key string, from audit.Origin) error {
	if err := c.mail.Unavailable(); err != nil {
		return err
	}
	if key == u.EmailKey {
		return service.FieldError(service.CodeInvalidRequest, "email", "is the address of this account already")
	}
	if err := c.throttle.CountMail(ctx, u.ID, from); err != nil {
		return err
	}
	if c.conceal { // the owner of the address gets a mail
		return nil
	}
	switch _, err := c.store.Users.FindUserByEmail(ctx, key); {
	case err == nil:
		return service.EmailTaken()
	case !errors.Is(err, repository.ErrNotFound):
		return service.StoreFailure("find a user by email address", err)
	}
	return nil
}

// changed returns a user after a change of the profile.
func changed(u repository.User, c repository.ProfileChange) repository.User {
	if c.Username != "" {
		u.Username, u.UsernameKey = c.Username, c.UsernameKey
	}
	if c.Locale != "" {
		u.Locale = c.Locale
	}
	u.UpdatedAt = c.At
	return u
}
