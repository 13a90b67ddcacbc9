package account

import (
	"context"
	"strings"

	"latchkey/repository"
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
