package recovery

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/internal/catalog"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/link"
	"latchkey/service/login"
	"latchkey/service/mail"
	"latchkey/service/password"
	"latchkey/service/session"
)

// Service runs the flows of one-time links.
type Service struct {
	store    repository.Store
	accounts *account.Service
	sessions *session.Service
	hasher   *password.Hasher
	throttle *login.Throttle
	policy   password.Policy
	mail     *mail.Composer
	urls     link.URLs
	now      func() time.Time
	audit    *audit.Log
}

// New returns a Service for the accounts in a store.
func New(store repository.Store, accounts *account.Service, sessions *session.Service, hasher *password.Hasher, throttle *login.Throttle,
	policy password.Policy, mail *mail.Composer, urls link.URLs, now func() time.Time, audit *audit.Log,
) *Service {
	return &Service{
		store: store, accounts: accounts, sessions: sessions, hasher: hasher, throttle: throttle, policy: policy,
		mail: mail, urls: urls, now: now, audit: audit,
	}
}

// MailAvailable reports whether the flows that send mail can be used.
func (s *Service) MailAvailable() bool { return s.mail.Available() }

// Forgot requests a link for a new password, in the language locale unless the account has one. It
// does the same work for an address with and without an account: a worker decides whether there is
// something to send. It returns invalid_request if the address has not the form of one, rate_limited
// after too many requests for the address or from the client's address, and mail_unavailable.
func (s *Service) Forgot(ctx context.Context, address, locale string, from audit.Origin) error {
	if err := s.mail.Unavailable(); err != nil {
		return err
	}
	address = account.Trim(address)
	key, problem := account.EmailKey(address)
	if problem != "" {
		return service.FieldError(service.CodeInvalidRequest, "email", problem)
	}
	if err := s.throttle.CountMail(ctx, key, from); err != nil {
		return err
	}
	if err := s.store.Outbox.EnqueueMessage(ctx, s.mail.Reset(address, catalog.Or(locale), false)); err != nil {
		return service.StoreFailure("request a new password", err)
	}
	return nil
}

// SendVerification sends the link that verifies the address of a user again. It does nothing if the
// address is verified. It returns rate_limited after too many requests, and mail_unavailable.
func (s *Service) SendVerification(ctx context.Context, who session.Live, from audit.Origin) error {
	if err := s.mail.Unavailable(); err != nil {
		return err
	}
	if err := s.throttle.CountMail(ctx, who.UserID, from); err != nil {
		return err
	}
	u, err := s.store.Users.FindUserByID(ctx, who.UserID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.AccountGone()
	case err != nil:
		return service.StoreFailure("find the user of a verification", err)
	case !u.EmailVerifiedAt.IsZero():
		return nil
	}
	if err := s.store.Outbox.EnqueueMessage(ctx, s.mail.Verify(u, true)); err != nil {
		return service.StoreFailure("send a verification", err)
	}
	return nil
}

// Verify uses a link that proves an address: it verifies the address of an account, completes a
// change of the address, or creates the account of a concealed signup, which alone needs the
// password that was chosen there. It returns link_invalid, invalid_request, email_taken or
// username_taken if another account has got the name since, and rate_limited.
func (s *Service) Verify(ctx context.Context, token link.Token, chosen password.Password, from audit.Origin) error {
	l, err := s.find(ctx, FlowVerify, token, from)
	if err != nil {
		return err
	}
	now := s.now()
	switch l.Purpose {
	case repository.LinkSignup:
		return s.complete(ctx, l, chosen, from)
	case repository.LinkChange:
		return s.change(ctx, l, from)
	case repository.LinkVerify, repository.LinkReset, repository.LinkUndo:
	}
	record := from.Record(now, repository.AuditEmailVerified, "ok")
	record.UserID = l.UserID
	if err := s.store.Links.VerifyEmail(ctx, l.Hash, now, record); err != nil {
		return failure("verify an address", err)
	}
	s.audit.Committed(ctx, record)
	return nil
}

// complete creates the account of a concealed signup. A wrong password counts like a refused link.
func (s *Service) complete(ctx context.Context, l repository.Link, chosen password.Password, from audit.Origin) error {
	if chosen.Empty() {
		return service.FieldError(service.CodeInvalidRequest, "password", "is missing: enter the password that you chose at signup")
	}
	if err := s.throttle.CountLink(ctx, from); err != nil {
		return err
	}
	return s.accounts.Complete(ctx, l, chosen, from)
}

// change completes a change of the address. The notice to the previous address is part of the
// transition.
func (s *Service) change(ctx context.Context, l repository.Link, from audit.Origin) error {
	u, err := s.store.Users.FindUserByID(ctx, l.UserID)
	if err != nil {
		return failure("find the user of a link", err)
	}
	notice, undo := s.mail.Changed(u, l.Email)
	now := s.now()
	record := from.Record(now, repository.AuditEmailChange, "ok")
	record.UserID = l.UserID
	if err := s.store.Links.ChangeEmail(ctx, l.Hash, undo, link.MaxLive, now, record, notice); err != nil {
		return failure("change an address", err)
	}
	s.audit.Committed(ctx, record)
	return nil
}

// Reset uses a link that sets a new password. All sessions of the user end, all devices lose their
// trust, and the user is not logged in. It returns password_rejected if the password is not
// acceptable, and link_invalid. The link stays usable after a rejected password.
func (s *Service) Reset(ctx context.Context, token link.Token, next password.Password, from audit.Origin) error {
	return s.setPassword(ctx, FlowReset, token, next, from, repository.AuditPasswordReset, s.store.Links.ResetPassword)
}

// Undo uses a link that restores an earlier address of an account and sets a new password, with the
// errors of Reset, and email_taken.
func (s *Service) Undo(ctx context.Context, token link.Token, next password.Password, from audit.Origin) error {
	return s.setPassword(ctx, FlowUndo, token, next, from, repository.AuditEmailRestored, s.store.Links.UndoEmail)
}

// setPassword sets a new password by a link, with a transition of the store.
func (s *Service) setPassword(ctx context.Context, flow Flow, token link.Token, next password.Password, from audit.Origin, event repository.AuditEvent,
	use func(context.Context, repository.LinkHash, repository.PasswordHash, time.Time, repository.AuditRecord, ...repository.Message) (int64, error),
) error {
	l, err := s.find(ctx, flow, token, from)
	if err != nil {
		return err
	}
	u, err := s.store.Users.FindUserByID(ctx, l.UserID)
	if err != nil {
		return failure("find the user of a link", err)
	}
	problem, err := s.policy.Check(next, u.Username, l.Email)
	if err == nil && problem != "" {
		err = service.FieldError(service.CodePasswordRejected, "newPassword", problem)
	}
	if err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, from.Address, next)
	if err != nil {
		return err
	}
	u.Email = l.Email // where the notice goes
	record := from.Record(s.now(), event, "ok")
	record.UserID = u.ID
	epoch, err := use(ctx, l.Hash, hash, record.At, record, s.mail.Notice(mail.PasswordChanged, u, from)...)
	if err != nil {
		return failure("set a password by a link", err)
	}
	s.sessions.MarkEnded(ctx, record, repository.EndPassword, "", epoch)
	return nil
}

// Flow is what a user does with a link.
type Flow int

// The flows. Each is the method of the same name.
const (
	FlowVerify Flow = iota
	FlowReset
	FlowUndo
)

// purposes contains the links that each flow uses.
var purposes = map[Flow][]repository.LinkPurpose{
	FlowVerify: {repository.LinkVerify, repository.LinkChange, repository.LinkSignup},
	FlowReset:  {repository.LinkReset},
	FlowUndo:   {repository.LinkUndo},
}

// Found is what a page shows of a link before it is used.
type Found struct {
	Address  string
	Password bool // the link needs the password that was chosen at signup
}

// Find returns what a page shows of a link before it is used. It returns link_invalid if the link
// cannot be used in the flow.
func (s *Service) Find(ctx context.Context, flow Flow, token link.Token, from audit.Origin) (Found, error) {
	l, err := s.find(ctx, flow, token, from)
	return Found{Address: l.Email, Password: l.Purpose == repository.LinkSignup}, err
}

// find returns a link that can be used in a flow. Refused links are counted, so that
// an attacker cannot search for tokens at the cost of the database.
func (s *Service) find(ctx context.Context, flow Flow, token link.Token, from audit.Origin) (repository.Link, error) {
	if token == "" {
		return repository.Link{}, service.FieldError(service.CodeInvalidRequest, "token", "is missing")
	}
	l, err := s.store.Links.FindLink(ctx, token.Hash(), s.now())
	if err == nil {
		if slices.Contains(purposes[flow], l.Purpose) {
			return l, nil
		}
		err = repository.ErrNotFound
	}
	if !errors.Is(err, repository.ErrNotFound) {
		return l, service.StoreFailure("find a link", err)
	}
	if err := s.throttle.CountLink(ctx, from); err != nil {
		return l, err
	}
	return l, service.LinkInvalid(err)
}

// failure returns the error for a link that the store did not use.
func failure(doing string, err error) error {
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return service.LinkInvalid(err)
	case errors.Is(err, repository.ErrEmailExists):
		return service.EmailTaken()
	case errors.Is(err, repository.ErrLimit):
		return &service.Error{
			Code: service.CodeRateLimited, Message: "The address of this account was changed several times this week. Try again in some days.",
			RetryAfter: 24 * time.Hour,
		}
	}
	return service.StoreFailure(doing, err)
}
