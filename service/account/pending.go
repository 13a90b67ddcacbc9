package account

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/password"
	"latchkey/service/secret"
)

// pending is an account that is created when its address is verified.
type pending struct {
	Username     string                  `json:"username"`
	PasswordHash repository.PasswordHash `json:"passwordHash"`
	Locale       string                  `json:"locale,omitempty"`
}

// sealer encrypts pending accounts.
type sealer struct{ aead cipher.AEAD }

func newSealer(root secret.Root) sealer {
	block, err := aes.NewCipher(root.Derive("pending account v1", 32))
	if err != nil {
		panic(err) // the key has the right size
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return sealer{aead}
}

// request asks the owner of an address to verify it. It does not look whether the address has an
// account, so it takes the same time for both.
func (a *Service) request(ctx context.Context, u repository.User) error {
	if err := a.mail.Unavailable(); err != nil {
		return err
	}
	switch _, err := a.store.Users.FindUserByUsername(ctx, u.UsernameKey); {
	case err == nil: // usernames are public
		return created(repository.ErrUsernameExists)
	case !errors.Is(err, repository.ErrNotFound):
		return service.StoreFailure("find a user by name", err)
	}
	plain, err := json.Marshal(pending{Username: u.Username, PasswordHash: u.PasswordHash, Locale: u.Locale})
	if err != nil {
		return err
	}
	sealed := a.sealer.aead.Seal(nil, nil, plain, []byte(u.EmailKey)) //nolint:gosec // G407: this AEAD generates its nonces
	if err := a.store.Outbox.EnqueueMessage(ctx, a.mail.Signup(u.Email, u.Locale, sealed)); err != nil {
		return service.StoreFailure("request a signup", err)
	}
	return nil
}

// Complete creates the account of a signup link. It requires the password of the signup: otherwise the owner of an address, who opens the link of a signup by a stranger, would create an
// account with the password of the stranger. It returns invalid_request if the password is
// wrong, link_invalid if the link cannot be used, and username_taken or email_taken if a name has been
// taken since.
func (a *Service) Complete(ctx context.Context, l repository.Link, chosen password.Password, from audit.Origin) error {
	plain, err := a.sealer.aead.Open(nil, nil, l.Signup, []byte(l.EmailKey))
	if err != nil {
		return service.LinkInvalid(errors.New("the account was sealed with another tokens.secret"))
	}
	var p pending
	if err := json.Unmarshal(plain, &p); err != nil {
		return err
	}
	key, problem := UsernameKey(p.Username)
	if problem != "" {
		return service.LinkInvalid(errors.New("the username " + problem))
	}
	match, err := a.hasher.Compare(ctx, from.Address, p.PasswordHash, chosen)
	if err != nil {
		return err
	}
	if !match {
		return service.FieldError(service.CodeInvalidRequest, "password", "is not the password that was chosen at signup")
	}
	now := a.now()
	u := repository.User{
		ID: service.NewID(), Username: p.Username, UsernameKey: key, Email: l.Email, EmailKey: l.EmailKey, PasswordHash: p.PasswordHash,
		Locale: p.Locale, EmailVerifiedAt: now, CreatedAt: now, UpdatedAt: now,
	}
	record := from.Record(now, repository.AuditUserCreated, "ok")
	record.UserID = u.ID
	err = a.store.Links.CreateVerifiedUser(ctx, l.Hash, u, record)
	if errors.Is(err, repository.ErrNotFound) {
		return service.LinkInvalid(err)
	}
	if err := created(err); err != nil {
		return err
	}
	a.audit.Committed(ctx, record)
	return nil
}
