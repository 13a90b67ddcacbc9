package service

import "github.com/google/uuid"

// NewID returns a UUID that sorts by its creation time (RFC 9562, version 7).
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// AccountID returns the ID of an account in the form of the stores. It returns not_found for a text
// that is no ID.
func AccountID(text string) (string, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return "", NoSuchAccount()
	}
	return id.String(), nil
}
