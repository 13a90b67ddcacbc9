package redis

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
