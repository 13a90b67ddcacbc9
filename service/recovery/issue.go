package recovery

import (
	"context"
	"errors"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/link"
)

// Issued is the answer to an administrator who lets a user set a new password.
type Issued struct {
	URL       string // to pass on; empty: the link was sent by mail
	ExpiresAt time.Time
}

// Issue creates a link that resets the password of a user, for an operator to pass on.
// It returns not_found for an unknown or a disabled user.
func (s *Service) Issue(ctx context.Context, userID string, from audit.Origin) (Issued, error) {
	return s.issue(ctx, userID, account.Caller{}, from)
}

// SendReset lets a user set a new password, for an administrator. It sends the link by mail. Without
// mail it returns the link, but not of another administrator: otherwise an administrator could take
// over the account of another one. It returns not_found for an unknown or a disabled user.
func (s *Service) SendReset(ctx context.Context, userID string, by account.Caller, from audit.Origin) (Issued, error) {
	if !s.mail.Available() {
		return s.issue(ctx, userID, by, from)
	}
	u, err := s.user(ctx, userID)
	if err != nil {
		return Issued{}, err
	}
	record := from.Record(s.now(), repository.AuditResetSent, "ok")
	record.UserID, record.ActorID = u.ID, by.UserID
	m := s.mail.Reset(u.Email, u.Locale, true)
	if err := s.store.Outbox.RequestMessage(ctx, m, by.Caller, record); err != nil {
		return Issued{}, issueFailure(err)
	}
	s.audit.Committed(ctx, record)
	return Issued{ExpiresAt: record.At.Add(link.Life(repository.LinkReset))}, nil
}

func (s *Service) user(ctx context.Context, id string) (repository.User, error) {
	id, err := service.AccountID(id)
	if err != nil {
		return repository.User{}, err
	}
	u, err := s.store.Users.FindUserByID(ctx, id)
	switch {
	case errors.Is(err, repository.ErrNotFound), err == nil && u.Disabled:
		return u, errNoAccount()
	case err != nil:
		return u, service.StoreFailure("find a user", err)
	}
	return u, nil
}

func errNoAccount() error {
	return service.NewError(service.CodeNotFound, "The account does not exist, or is disabled.")
}

func (s *Service) issue(ctx context.Context, userID string, by account.Caller, from audit.Origin) (Issued, error) {
	u, err := s.user(ctx, userID)
	if err != nil {
		return Issued{}, err
	}
	if by != (account.Caller{}) && u.Privilege >= account.PrivilegeAdministrator {
		return Issued{}, service.NewError(service.CodePrivilegeDenied,
			"This account is an administrator's. Use the command latchkey user reset-link on the server.")
	}
	token := link.New()
	record := from.Record(s.now(), repository.AuditResetLink, "ok")
	record.UserID, record.ActorID = u.ID, by.UserID
	l := repository.Link{
		Hash: token.Hash(), Purpose: repository.LinkReset, UserID: u.ID, Email: u.Email, EmailKey: u.EmailKey,
		CredentialVersion: u.CredentialVersion, CreatedAt: record.At, ExpiresAt: record.At.Add(link.Life(repository.LinkReset)),
	}
	if err := s.store.Links.CreateLink(ctx, l, link.MaxLive, by.Caller, record); err != nil {
		return Issued{}, issueFailure(err)
	}
	s.audit.Committed(ctx, record)
	return Issued{URL: s.urls.For(repository.LinkReset, token), ExpiresAt: l.ExpiresAt}, nil
}

func issueFailure(err error) error {
	switch {
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	case errors.Is(err, repository.ErrNotFound):
		return errNoAccount()
	}
	return service.StoreFailure("issue a link", err)
}
