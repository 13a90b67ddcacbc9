package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"latchkey/internal/catalog"
	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/mail"
	"latchkey/service/password"
	"latchkey/service/secret"
)

// Account is the part of a user record that may be shown: to the user, and to callers that may see
// the user.
type Account struct {
	ID        string
	Username  string
	Email     string
	Privilege int
	Locale    string // never empty
	CreatedAt time.Time
	UpdatedAt time.Time

	EmailVerified bool
	// ResetLinkIssuedAt is when an administrator or an operator last received a link that resets the
	// password; zero: never.
	ResetLinkIssuedAt time.Time
}

// Of returns the Account of a user.
func Of(u repository.User) Account {
	return Account{
		ID: u.ID, Username: u.Username, Email: u.Email, Privilege: u.Privilege, Locale: catalog.Or(u.Locale),
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
		EmailVerified: !u.EmailVerifiedAt.IsZero(), ResetLinkIssuedAt: u.ResetLinkIssuedAt,
	}
}

// Registration holds the data of a new account.
type Registration struct {
	Username  string
	Email     string
	Password  password.Password
	Privilege int
	Locale    string // of the user; empty: the default
	Verified  bool   // an operator vouches for the address
	From      audit.Origin
}

// Caller is the user who makes a request. Its access token and session have been verified. The zero
// Caller is the operator, or an anonymous client in SignUp.
type Caller struct {
	repository.Caller
	Privilege int
}

// A manager may read the accounts of other users. An administrator may also create and change them.
const (
	PrivilegeManager       = repository.PrivilegeManager
	PrivilegeAdministrator = repository.PrivilegeAdministrator
)

// Rules are the settings of accounts.
type Rules struct {
	Password password.Policy
	Signup   bool // any client may create an account
	Verify   bool // an address is asked to be verified at signup
	// Conceal keeps secret whether an address has an account: an account is created when its
	// address is verified.
	Conceal bool
}

// Service creates and reads accounts.
type Service struct {
	store  repository.Store
	hasher *password.Hasher
	rules  Rules
	mail   *mail.Composer
	sealer sealer
	now    func() time.Time
	audit  *audit.Log
}

// New returns a Service for the accounts in a store.
func New(store repository.Store, hasher *password.Hasher, rules Rules, mail *mail.Composer, root secret.Root,
	now func() time.Time, audit *audit.Log,
) *Service {
	return &Service{store: store, hasher: hasher, rules: rules, mail: mail, sealer: newSealer(root), now: now, audit: audit}
}

// SignUp creates an account. Only an administrator may choose a privilege above 0, or create an
// account while signup is closed. The caller by is zero for an anonymous client. It returns
// invalid_request or password_rejected with the fields concerned, and username_taken or email_taken
// if a name is taken. Names are compared without regard to case. If addresses are concealed, an
// anonymous client gets an Account without an ID, whether the address is taken or not: the account is
// created when the address is verified.
func (a *Service) SignUp(ctx context.Context, n Registration, by Caller) (Account, error) {
	if n.Privilege < repository.PrivilegeUser || n.Privilege > repository.PrivilegeAdministrator {
		return Account{}, service.FieldError(service.CodeInvalidRequest, "privilege", "must be 0, 1 or 2")
	}
	administrator := by.Privilege >= repository.PrivilegeAdministrator
	switch {
	case !administrator && n.Privilege > repository.PrivilegeUser:
		return Account{}, service.NewError(service.CodePrivilegeDenied, "Only an administrator may grant a privilege above 0.")
	case !administrator && !a.rules.Signup:
		return Account{}, service.NewError(service.CodePrivilegeDenied, "Signup is closed. Ask an administrator for an account.")
	}
	u, err := a.newUser(ctx, n)
	switch {
	case err != nil:
		return Account{}, err
	case administrator:
		return a.create(ctx, u, n.From, by.Caller)
	case a.rules.Conceal:
		return Account{}, a.request(ctx, u)
	}
	return a.create(ctx, u, n.From, repository.Caller{})
}

// CreateAsOperator creates an account of any privilege, for an operator with access to the program
// and its settings. It creates the first administrator.
func (a *Service) CreateAsOperator(ctx context.Context, n Registration) (Account, error) {
	if n.Privilege < repository.PrivilegeUser || n.Privilege > repository.PrivilegeAdministrator {
		return Account{}, service.FieldError(service.CodeInvalidRequest, "privilege", "must be 0, 1 or 2")
	}
	u, err := a.newUser(ctx, n)
	if err != nil {
		return Account{}, err
	}
	if n.Verified {
		u.EmailVerifiedAt = u.CreatedAt
	}
	return a.create(ctx, u, n.From, repository.Caller{})
}

// newUser checks a registration and returns the user, with the hash of the password.
func (a *Service) newUser(ctx context.Context, n Registration) (repository.User, error) {
	n.Username, n.Email = Trim(n.Username), Trim(n.Email)
	nameKey, nameProblem := UsernameKey(n.Username)
	mailKey, mailProblem := EmailKey(n.Email)
	localeProblem := ""
	if n.Locale != "" && !catalog.Known(n.Locale) {
		localeProblem = "must be one of " + strings.Join(catalog.Locales(), ", ")
	}
	if fields := notEmpty(map[string]string{"username": nameProblem, "email": mailProblem, "locale": localeProblem}); len(fields) > 0 {
		return repository.User{}, &service.Error{Code: service.CodeInvalidRequest, Message: "Some fields are invalid.", Fields: fields}
	}
	problem, err := a.rules.Password.Check(n.Password, n.Username, n.Email)
	if err != nil {
		return repository.User{}, err
	}
	if problem != "" {
		return repository.User{}, service.FieldError(service.CodePasswordRejected, "password", problem)
	}
	hash, err := a.hasher.Hash(ctx, n.From.Address, n.Password)
	if err != nil {
		return repository.User{}, err
	}
	now := a.now()
	return repository.User{
		ID: service.NewID(), Username: n.Username, UsernameKey: nameKey, Email: n.Email, EmailKey: mailKey,
		PasswordHash: hash, Privilege: n.Privilege, Locale: n.Locale, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// create stores a user, with the mail that verifies the address.
func (a *Service) create(ctx context.Context, u repository.User, from audit.Origin, by repository.Caller) (Account, error) {
	record := from.Record(u.CreatedAt, repository.AuditUserCreated, "ok")
	record.UserID, record.ActorID = u.ID, by.UserID
	var verify []repository.Message
	if a.rules.Verify && a.mail.Available() && u.EmailVerifiedAt.IsZero() {
		verify = []repository.Message{a.mail.Verify(u, false)}
	}
	if err := created(a.store.Users.CreateUser(ctx, u, by, record, verify...)); err != nil {
		return Account{}, err
	}
	a.audit.Committed(ctx, record)
	return Of(u), nil
}

// created returns the error for a user that the store did not create, or nil.
func created(err error) error {
	switch {
	case errors.Is(err, repository.ErrUsernameExists):
		return service.UsernameTaken()
	case errors.Is(err, repository.ErrEmailExists):
		return service.EmailTaken()
	case errors.Is(err, repository.ErrNotAllowed):
		return service.PrivilegeChanged()
	case err != nil:
		return service.StoreFailure("create a user", err)
	}
	return nil
}

func notEmpty(fields map[string]string) map[string]string {
	for name, problem := range fields {
		if problem == "" {
			delete(fields, name)
		}
	}
	return fields
}
