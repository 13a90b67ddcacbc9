package account

import (
	"context"
	"strings"

	"latchkey/repository"
)

// Lookup looks a user up by whichever name was given. A name that cannot exist
// is not found.
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
