package redis

import "latchkey/repository"

// keys builds every key name.
type keys struct {
	prefix string
}

// session is the hash of one session.
func (k keys) session(userID, sessionID string) string {
	return k.prefix + "rt:{" + userID + "}:" + sessionID
}

// index is the sorted set of a user's sessions.
func (k keys) index(userID string) string {
	return k.prefix + "rt:{" + userID + "}"
}

// limits are the hashes of some limits. They share a slot, so that one script can
// decide on all of an attempt's.
func (k keys) limits(of []repository.LimitKey) []string {
	names := make([]string, len(of))
	for i, l := range of {
		names[i] = k.prefix + "limit:{limit}:" + l.Name
	}
	return names
}
