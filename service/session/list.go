package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/token"
)

// Session is the description of a session for its user.
type Session struct {
	ID        string
	CreatedAt time.Time
	UsedAt    time.Time
	ExpiresAt time.Time // unless the session is used before
	Address   string    // of the login
	Agent     string    // of the login
	ClientID  string    // token.ClientAPI: a session of the JSON API
}

// List returns the live sessions of a user, most recently used first.
func (s *Service) List(ctx context.Context, userID string) ([]Session, error) {
	id, err := service.AccountID(userID)
	if err != nil {
		return nil, err
	}
	u, err := s.store.Users.FindUserByID(ctx, id)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return nil, service.NoSuchAccount()
	case err != nil:
		return nil, service.StoreFailure("find the user of sessions", err)
	}
	return s.list(ctx, u)
}

// ListOwn returns the live sessions of the caller, as List does.
func (s *Service) ListOwn(ctx context.Context, who Live) ([]Session, error) {
	return s.list(ctx, who.user)
}

func (s *Service) list(ctx context.Context, u repository.User) ([]Session, error) {
	revoked, err := s.store.Revocations.ListRevoked(ctx, u.ID)
	if err != nil {
		return nil, service.StoreFailure("list revoked sessions", err)
	}
	sessions, err := s.store.Sessions.ListSessions(ctx, u.ID)
	if err != nil {
		return nil, service.StoreFailure("list sessions", err)
	}
	devices := []Session{}
	for _, session := range sessions {
		if !session.Live(s.now(), u.SessionEpoch, u.ExceptSession) || slices.Contains(revoked, session.ID) {
			continue
		}
		expires := session.IdleAt
		if session.AbsoluteAt.Before(expires) {
			expires = session.AbsoluteAt
		}
		devices = append(devices, Session{
			ID: session.ID, CreatedAt: session.CreatedAt, UsedAt: session.UsedAt, ExpiresAt: expires,
			Address: session.Address, Agent: session.Agent, ClientID: session.ClientID,
		})
	}
	return devices, nil
}

// Revoke revokes one session of a user, for an administrator, the caller by, or for an operator, the
// zero caller. It returns not_found if the user has no such session.
func (s *Service) Revoke(ctx context.Context, userID, sessionID string, by account.Caller, from audit.Origin) error {
	id, err := service.AccountID(userID)
	if err != nil {
		return err
	}
	return s.revoke(ctx, id, sessionID, EndByAdmin, by.Caller, from)
}

// RevokeOwn revokes one session of the caller, as Revoke does.
func (s *Service) RevokeOwn(ctx context.Context, who Live, sessionID string, from audit.Origin) error {
	return s.revoke(ctx, who.UserID, sessionID, EndByUser, who.caller, from)
}

func (s *Service) revoke(ctx context.Context, userID, sessionID string, reason EndReason, by repository.Caller, from audit.Origin) error {
	session, err := s.store.Sessions.FindSession(ctx, userID, sessionID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.NewError(service.CodeNotFound, "The session does not exist.")
	case err != nil:
		return service.StoreFailure("find a session to end", err)
	}
	r := revocation(userID, sessionID, reason, s.now(), session.AbsoluteAt)
	record := endRecord(from, r, session.ClientID)
	if by.UserID != userID {
		record.ActorID = by.UserID
	}
	return s.end(ctx, r, by, record)
}

// RevokeOthers revokes all sessions of a user except the current one.
func (s *Service) RevokeOthers(ctx context.Context, who Live, from audit.Origin) error {
	now := s.now()
	record := from.Record(now, repository.AuditSessionsEnded, string(repository.EndByUser))
	record.UserID, record.SessionID, record.ClientID = who.UserID, who.SessionID, who.ClientID
	epoch, err := s.store.Users.EndOtherUserSessions(ctx, who.caller, now, record)
	switch {
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	case err != nil:
		return service.StoreFailure("end the other sessions", err)
	}
	s.MarkEnded(ctx, record, repository.EndByUser, who.SessionID, epoch)
	return nil
}

// RevokeAll revokes every session of a user, for an administrator or an operator as Revoke does.
func (s *Service) RevokeAll(ctx context.Context, userID string, by account.Caller, from audit.Origin) error {
	id, err := service.AccountID(userID)
	if err != nil {
		return err
	}
	now := s.now()
	record := from.Record(now, repository.AuditSessionsEnded, string(repository.EndByAdmin))
	record.UserID, record.ActorID = id, by.UserID
	epoch, err := s.store.Users.EndUserSessions(ctx, id, by.Caller, now, record)
	switch {
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	case errors.Is(err, repository.ErrNotFound):
		return service.NoSuchAccount()
	case err != nil:
		return service.StoreFailure("end all sessions of a user", err)
	}
	s.MarkEnded(ctx, record, repository.EndByAdmin, "", epoch)
	return nil
}

// RevokeEveryone revokes every session of every user, and returns the number of users.
func (s *Service) RevokeEveryone(ctx context.Context, from audit.Origin) (users int, err error) {
	now := s.now()
	record := from.Record(now, repository.AuditSessionsEnded, "everyone")
	if users, err = s.store.Users.EndAllSessions(ctx, now, record); err != nil {
		return 0, service.StoreFailure("end all sessions", err)
	}
	s.audit.Committed(ctx, record)
	return users, nil
}

// MarkEnded logs the end of many sessions and writes their tombstones, which follow the write to
// the database as in tombstone. Sessions of the new epoch are newer, and stay.
func (s *Service) MarkEnded(ctx context.Context, record repository.AuditRecord, reason EndReason, kept string, epoch int64) {
	s.audit.Committed(ctx, record)
	s.warn(ctx, record.UserID, s.store.Sessions.EndOtherSessions(ctx, repository.Ending{
		UserID: record.UserID, SessionID: kept, Reason: reason, Epoch: epoch, OperationID: string(token.NewID()),
		Now: record.At.Truncate(time.Millisecond),
	}))
}
