package account

import (
	"context"
	"errors"
	"strings"

	"latchkey/repository"
	"latchkey/service"
)

// Lookup returns the user with the username or the email address, whichever is given. It returns
// repository.ErrNotFound for a name that cannot exist.
func Lookup(ctx context.Context, users repository.Users, username, email string) (repository.User, error) {
	if email == "" && strings.Contains(username, "@") {
		email = username
	}
	if email != "" {
		key, problem := EmailKey(email)
		if problem != "" {
			return repository.User{}, repository.ErrNotFound
		}
		return users.FindUserByEmail(ctx, key)
	}
	key, problem := UsernameKey(username)
	if problem != "" {
		return repository.User{}, repository.ErrNotFound
	}
	return users.FindUserByUsername(ctx, key)
}

// Find returns the account with a username or an email address, for an operator.
func Find(ctx context.Context, users repository.Users, name string) (Account, error) {
	u, err := Lookup(ctx, users, name, "")
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return Account{}, service.NoSuchAccount()
	case err != nil:
		return Account{}, service.StoreFailure("find a user by name", err)
	}
	return Of(u), nil
}
