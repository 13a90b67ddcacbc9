package service

import "github.com/google/uuid"

// NewID returns a UUID that sorts by its creation time (RFC 9562, version 7).
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
