package mail

import (
	"slices"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/link"
	"latchkey/service/secret"
)

// keepTrying is how long a message is retried. A message whose link expires earlier is retried until
// then.
const keepTrying = 24 * time.Hour

// Composer writes messages. The caller passes them to the store with the change that they are about.
type Composer struct {
	sealer
	available bool
	notices   []Kind
	now       func() time.Time
}

// NewComposer returns a Composer. If mail is not available, it writes no messages, and the flows that
// need mail refuse. Of the notices that can be switched off it writes those in notices.
func NewComposer(root secret.Root, available bool, notices []Kind, now func() time.Time) *Composer {
	return &Composer{sealer: newSealer(root), available: available, notices: notices, now: now}
}

// Available reports whether mail can be sent.
func (c *Composer) Available() bool { return c.available }

// Unavailable returns mail_unavailable if mail cannot be sent, or nil.
func (c *Composer) Unavailable() error {
	if c.available {
		return nil
	}
	return &service.Error{
		Code: service.CodeMailUnavailable, Message: "This service cannot send mail. Ask its administrator.", RetryAfter: time.Hour,
	}
}

// message completes a message. It takes the time of the event from the content, if it has one.
func (c *Composer) message(kind Kind, userID string, body content) repository.Message {
	now := c.now()
	if body.At.IsZero() {
		body.At = now
	}
	m := repository.Message{ID: service.NewID(), Kind: string(kind), UserID: userID, CreatedAt: now, ExpiresAt: now.Add(keepTrying)}
	if p := kind.purpose(); p != "" {
		if body.Token == "" {
			body.Token = link.New()
		}
		body.LinkExpires = now.Add(link.Life(p))
		if body.LinkExpires.Before(m.ExpiresAt) {
			m.ExpiresAt = body.LinkExpires
		}
	}
	m.Sealed = c.seal(m.ID, kind, body)
	return m
}

// Verify returns the mail that verifies the address of a user. If the owner has requested it, its link
// may replace the oldest one, and it has a budget that no stranger can exhaust.
func (c *Composer) Verify(u repository.User, byOwner bool) repository.Message {
	return c.message(VerifyEmail, u.ID, content{To: u.Email, Locale: u.Locale, Replace: byOwner})
}

// Signup returns the mail to an address for which an account was requested. If the address has an
// account when the mail is sent, its owner is notified. Otherwise the link creates the account, which is
// sealed.
func (c *Composer) Signup(address, locale string, sealed []byte) repository.Message {
	return c.message(ConfirmSignup, "", content{To: address, Locale: locale, Signup: sealed})
}

// Reset returns the mail with which the owner of an address sets a new password. Whether the address
// has an account is decided when the mail is sent. If an administrator has requested it, its link may
// replace the oldest one, and it has a budget that no stranger can exhaust.
func (c *Composer) Reset(address, locale string, byAdministrator bool) repository.Message {
	return c.message(ResetPassword, "", content{To: address, Locale: locale, Replace: byAdministrator})
}

// Change returns the mail that confirms a new address of a user.
func (c *Composer) Change(u repository.User, address string) repository.Message {
	return c.message(ConfirmEmail, u.ID, content{To: address, Locale: u.Locale, Version: u.CredentialVersion, Replace: true})
}

// Changed returns the notice to the present address of a user, which another one is about to
// replace, and the link in it, which restores the present address. If the present address was never
// verified, its reader may be a stranger: the notice has no link, and the link is nil.
func (c *Composer) Changed(u repository.User, address string) (repository.Message, *repository.Link) {
	if u.EmailVerifiedAt.IsZero() {
		return c.Replaced(u), nil
	}
	token := link.New()
	now := c.now()
	m := c.message(EmailChanged, u.ID, content{To: u.Email, Locale: u.Locale, Email: address, Token: token})
	return m, &repository.Link{
		Hash: token.Hash(), Purpose: repository.LinkUndo, UserID: u.ID, Email: u.Email, EmailKey: u.EmailKey,
		CredentialVersion: u.CredentialVersion, Mailed: true, CreatedAt: now, ExpiresAt: now.Add(link.Life(repository.LinkUndo)),
	}
}

// Replaced returns the notice to the present address of a user, which another one is about to replace,
// without a link.
func (c *Composer) Replaced(u repository.User) repository.Message {
	return c.message(EmailReplaced, u.ID, content{To: u.Email, Locale: u.Locale})
}

// Notice returns a notice to the owner of an account about an event, or nothing if the notice is
// switched off.
func (c *Composer) Notice(kind Kind, u repository.User, from audit.Origin) []repository.Message {
	always := kind == PasswordChanged
	if !c.available || !always && !slices.Contains(c.notices, kind) {
		return nil
	}
	return []repository.Message{c.message(kind, u.ID, content{To: u.Email, Locale: u.Locale, Address: from.Address, Agent: from.Agent})}
}
