package account

import (
	"context"
	"errors"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/token"
)

// actingTTL is the lifetime of an access token for impersonation.
const actingTTL = 5 * time.Minute

// Impersonate issues an access token with which an administrator acts as a user. The token names
// the administrator in its act claim (RFC 8693 4.1). It has no session, so it can neither change a
// password nor end a session. It returns not_found for an unknown user, account_disabled for a
// disabled user, and privilege_denied for the account of an administrator.
func (a *Service) Impersonate(ctx context.Context, tokens *token.Minter, userID string, by Caller, from audit.Origin) (token.Raw, time.Time, error) {
	id, err := service.AccountID(userID)
	if err != nil {
		return "", time.Time{}, err
	}
	u, err := a.store.Users.FindUserByID(ctx, id)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return "", time.Time{}, service.NoSuchAccount()
	case err != nil:
		return "", time.Time{}, service.StoreFailure("find the user of a token", err)
	case u.Privilege >= repository.PrivilegeAdministrator:
		return "", time.Time{}, service.NewError(service.CodePrivilegeDenied, "Tokens are not issued for administrators.")
	case u.Disabled:
		return "", time.Time{}, service.AccountDisabled()
	}
	record := from.Record(a.now(), repository.AuditTokenIssued, "ok")
	record.UserID, record.ActorID, record.SessionID, record.ClientID = u.ID, by.UserID, by.SessionID, token.ClientAPI
	err = a.store.Users.RecordActing(ctx, u.ID, by.Caller, record)
	switch {
	case errors.Is(err, repository.ErrNotAllowed):
		return "", time.Time{}, service.PrivilegeChanged()
	case err != nil:
		return "", time.Time{}, service.StoreFailure("record an impersonation token", err)
	}
	a.audit.Committed(ctx, record)
	return tokens.MintAccess(token.Subject{UserID: u.ID, ClientID: token.ClientAPI, Actor: by.UserID, Privilege: u.Privilege}, "", nil, actingTTL)
}
