package directory

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"latchkey/internal/catalog"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
)

// maxReason limits the reason for which an account is disabled, in characters.
const maxReason = 500

// Change is a change of a user. A nil field stays as it is.
type Change struct {
	Was      Version // the state to change; empty: any
	Username *string
	// Email is a new address. It is not verified, unless Verified says so. The address before it gets a
	// notice, and links to it are void.
	Email     *string
	Privilege *int
	// Disabled disables a user, which ends the user's sessions, or enables the user.
	// DisabledReason is for managers and administrators. Enabling deletes it.
	Disabled       *bool
	DisabledReason *string
	Verified       *bool // an administrator vouches for the address
	Locale         *string
}

// Change changes a user and returns the new state. It returns the errors of Remove, invalid_request
// with the fields concerned, username_taken and email_taken.
func (s *Service) Change(ctx context.Context, id string, c Change, by account.Caller, from audit.Origin) (User, error) {
	id, err := service.AccountID(id)
	if err != nil {
		return User{}, err
	}
	change := repository.UserChange{
		UserID: id, By: by.Caller, Was: c.Was.time(), Privilege: c.Privilege, Disabled: c.Disabled,
		DisabledReason: c.DisabledReason, Verified: c.Verified, Locale: c.Locale, At: s.now(),
	}
	fields := map[string]string{}
	refuse := func(field, problem string) {
		if problem != "" {
			fields[field] = problem
		}
	}
	var problem string
	if c.Username != nil {
		name := account.Trim(*c.Username)
		change.Username = &name
		change.UsernameKey, problem = account.UsernameKey(name)
		refuse("username", problem)
	}
	if c.Email != nil {
		address := account.Trim(*c.Email)
		change.Email = &address
		change.EmailKey, problem = account.EmailKey(address)
		refuse("email", problem)
	}
	if c.Privilege != nil && (*c.Privilege < repository.PrivilegeUser || *c.Privilege > repository.PrivilegeAdministrator) {
		refuse("privilege", "must be 0, 1 or 2")
	}
	if c.Locale != nil && !catalog.Known(*c.Locale) {
		refuse("locale", "must be one of "+strings.Join(catalog.Locales(), ", "))
	}
	switch reason := c.DisabledReason; {
	case reason == nil:
	case c.Disabled == nil || !*c.Disabled:
		refuse("disabledReason", "needs disabled: true")
	case utf8.RuneCountInString(*reason) > maxReason:
		refuse("disabledReason", "must be at most "+strconv.Itoa(maxReason)+" characters long")
	}
	changed := c.changed()
	switch {
	case len(fields) > 0:
		return User{}, &service.Error{Code: service.CodeInvalidRequest, Message: "Some fields are invalid.", Fields: fields}
	case len(changed) == 0:
		return User{}, service.NewError(service.CodeInvalidRequest,
			"There is nothing to change. Send username, email, privilege, disabled, emailVerified or locale.")
	}
	record := from.Record(change.At, eventOf(c), strings.Join(changed, " "))
	record.UserID, record.ActorID = id, by.UserID
	u, err := s.apply(ctx, change, record)
	switch {
	case err != nil:
		return User{}, failure("change a user", err)
	case c.Disabled != nil && *c.Disabled:
		s.sessions.MarkEnded(ctx, record, repository.EndDisabled, "", u.SessionEpoch)
	default:
		s.audit.Committed(ctx, record)
	}
	return of(u), nil
}

// apply makes a change. With another address it also notifies the present one, and asks the new one to be
// verified: for that it must know the state that it changes.
func (s *Service) apply(ctx context.Context, c repository.UserChange, record repository.AuditRecord) (u repository.User, err error) {
	if c.Email == nil {
		return s.users.ChangeUser(ctx, c, record)
	}
	seen := c.Was
	for range 3 { // while other requests change the user
		before, err := s.users.FindUserByID(ctx, c.UserID)
		if err != nil {
			return u, err
		}
		var messages []repository.Message
		if before.EmailKey != c.EmailKey && s.mail.Available() {
			messages = append(messages, s.mail.Replaced(before))
			if after := c.Apply(before); s.verify && after.EmailVerifiedAt.IsZero() && !after.Disabled {
				messages = append(messages, s.mail.Verify(after, true))
			}
		}
		if seen.IsZero() {
			c.Was = before.UpdatedAt
		}
		if u, err = s.users.ChangeUser(ctx, c, record, messages...); !errors.Is(err, repository.ErrConflict) || !seen.IsZero() {
			return u, err
		}
	}
	return u, repository.ErrConflict
}

// eventOf returns the event by which an auditor looks for a change.
func eventOf(c Change) repository.AuditEvent {
	switch {
	case c.Disabled == nil:
		return repository.AuditUserChanged
	case *c.Disabled:
		return repository.AuditUserDisabled
	}
	return repository.AuditUserEnabled
}

// changed returns the names of the fields that a change sets, for the audit log. Names and addresses
// of people do not appear there.
func (c Change) changed() (names []string) {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"username", c.Username != nil},
		{"email", c.Email != nil},
		{"disabled", c.Disabled != nil && *c.Disabled},
		{"enabled", c.Disabled != nil && !*c.Disabled},
		{"verified", c.Verified != nil && *c.Verified},
		{"unverified", c.Verified != nil && !*c.Verified},
		{"locale", c.Locale != nil},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	if c.Privilege != nil {
		names = append(names, "privilege="+strconv.Itoa(*c.Privilege))
	}
	return names
}
