package redis

import "latchkey/repository"

// keys builds every key name.
type keys struct {
	prefix string
}

// session returns the key of the hash of a session.
func (k keys) session(userID, sessionID string) string {
	return k.prefix + "rt:{" + userID + "}:" + sessionID
}

// index returns the key of the sorted set of a user's sessions.
func (k keys) index(userID string) string {
	return k.prefix + "rt:{" + userID + "}"
}

// limits returns the keys of rate limits. They share a slot, so that one script can decide on
// all keys of an attempt.
func (k keys) limits(of []repository.LimitKey) []string {
	names := make([]string, len(of))
	for i, l := range of {
		names[i] = k.prefix + "limit:{limit}:" + l.Name
	}
	return names
}
