package account

import (
	"context"
	"errors"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/password"
)

// Account is the part of a user record that may be shown: to the user, and to callers that may see
// the user.
type Account struct {
	ID        string
	Username  string
	Email     string
	Privilege int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Of returns the Account of a user.
func Of(u repository.User) Account {
	return Account{
		ID: u.ID, Username: u.Username, Email: u.Email, Privilege: u.Privilege,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

// Registration holds the data of a new account.
type Registration struct {
	Username  string
	Email     string
	Password  password.Password
	Privilege int
	From      audit.Origin
}

// Caller is the user who makes a request. Its access token and session have been verified. The zero
// Caller is the operator, or an anonymous client in SignUp.
type Caller struct {
	repository.Caller
	Privilege int
}

// PrivilegeAdministrator is the highest privilege. An administrator may create accounts for other
// users.
const PrivilegeAdministrator = repository.PrivilegeAdministrator

// Service creates and reads accounts.
type Service struct {
	users  repository.Users
	hasher *password.Hasher
	policy password.Policy
	signup bool // any client may create an account
	now    func() time.Time
	audit  *audit.Log
}

// New returns a Service for the accounts in a store.
func New(users repository.Users, hasher *password.Hasher, policy password.Policy, signup bool,
	now func() time.Time, audit *audit.Log,
) *Service {
	return &Service{users: users, hasher: hasher, policy: policy, signup: signup, now: now, audit: audit}
}

// SignUp creates an account. Only an administrator may choose a privilege above 0, or create an
// account while signup is closed. The caller by is zero for an anonymous client. It returns
// invalid_request or password_rejected with the fields concerned, and username_taken or email_taken
// if a name is taken. Names are compared without regard to case.
func (a *Service) SignUp(ctx context.Context, n Registration, by Caller) (Account, error) {
	if n.Privilege < repository.PrivilegeUser || n.Privilege > repository.PrivilegeAdministrator {
		return Account{}, service.FieldError(service.CodeInvalidRequest, "privilege", "must be 0, 1 or 2")
	}
	administrator := by.Privilege >= repository.PrivilegeAdministrator
	switch {
	case !administrator && n.Privilege > repository.PrivilegeUser:
		return Account{}, service.NewError(service.CodePrivilegeDenied, "Only an administrator may grant a privilege above 0.")
	case !administrator && !a.signup:
		return Account{}, service.NewError(service.CodePrivilegeDenied, "Signup is closed. Ask an administrator for an account.")
	}
	if !administrator {
		by = Caller{}
	}
	return a.create(ctx, n, by.Caller)
}

// CreateAsOperator creates an account of any privilege, for an operator with access to the program
// and its settings. It creates the first administrator.
func (a *Service) CreateAsOperator(ctx context.Context, n Registration) (Account, error) {
	if n.Privilege < repository.PrivilegeUser || n.Privilege > repository.PrivilegeAdministrator {
		return Account{}, service.FieldError(service.CodeInvalidRequest, "privilege", "must be 0, 1 or 2")
	}
	return a.create(ctx, n, repository.Caller{})
}

func (a *Service) create(ctx context.Context, n Registration, by repository.Caller) (Account, error) {
	n.Username, n.Email = Trim(n.Username), Trim(n.Email)
	nameKey, nameProblem := UsernameKey(n.Username)
	mailKey, mailProblem := EmailKey(n.Email)
	if fields := notEmpty(map[string]string{"username": nameProblem, "email": mailProblem}); len(fields) > 0 {
		return Account{}, &service.Error{Code: service.CodeInvalidRequest, Message: "Some fields are invalid.", Fields: fields}
	}
	problem, err := a.policy.Check(n.Password, n.Username, n.Email)
	if err != nil {
		return Account{}, err
	}
	if problem != "" {
		return Account{}, service.FieldError(service.CodePasswordRejected, "password", problem)
	}
	hash, err := a.hasher.Hash(ctx, n.From.Address, n.Password)
	if err != nil {
		return Account{}, err
	}
	now := a.now()
	u := repository.User{
		ID: service.NewID(), Username: n.Username, UsernameKey: nameKey, Email: n.Email, EmailKey: mailKey,
		PasswordHash: hash, Privilege: n.Privilege, CreatedAt: now, UpdatedAt: now,
	}
	record := n.From.Record(now, repository.AuditUserCreated, "ok")
	record.UserID, record.ActorID = u.ID, by.UserID
	switch err := a.users.CreateUser(ctx, u, by, record); {
	case errors.Is(err, repository.ErrUsernameExists):
		return Account{}, service.FieldError(service.CodeUsernameTaken, "username", "is taken")
	case errors.Is(err, repository.ErrEmailExists):
		return Account{}, service.FieldError(service.CodeEmailTaken, "email", "already has an account")
	case errors.Is(err, repository.ErrNotAllowed):
		return Account{}, service.PrivilegeChanged()
	case err != nil:
		return Account{}, service.StoreFailure("create a user", err)
	}
	a.audit.Committed(ctx, record)
	return Of(u), nil
}

// Find returns the account with a username or an email address, for an operator.
func (a *Service) Find(ctx context.Context, name string) (Account, error) {
	u, err := Lookup(ctx, a.users, name, "")
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return Account{}, service.NoSuchAccount()
	case err != nil:
		return Account{}, service.StoreFailure("find a user by name", err)
	}
	return Of(u), nil
}

func notEmpty(fields map[string]string) map[string]string {
	for name, problem := range fields {
		if problem == "" {
			delete(fields, name)
		}
	}
	return fields
}
