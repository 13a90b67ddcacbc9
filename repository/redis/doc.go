// Package redis implements the session store of a deployment: one hash for each session, and
// one sorted set for the sessions of each user. Each transition is one script on keys of one
// user. The keys share the hash tag {<user id>}, so that scripts run on Redis Cluster.
//
//	<prefix>rt:{<user id>}:<session id>   hash: the live refresh token
//	<prefix>rt:{<user id>}                sorted set: session id by absolute expiry
//
// The fields of the hash:
//
//	gen, jti            generation and id of the live token
//	pgen, prev          generation and id of its predecessor
//	rot, op             time (ms) and operation id of the last change of gen
//	seen                1 if the live token has been presented
//	idle, abs           idle and absolute expiry (ms)
//	epoch               the user's session epoch at login
//	cid, via            client, and delivery: cookie or body
//	scope, amr, auth    scope; methods and time (ms) of authentication
//	grc, rec, rec_at    replays; recoveries and the start of their window (ms)
//	rev, rev_at, rev_op reason, time (ms) and operation id of the revocation: a tombstone
//	created, used       login and last use (ms)
//	ip, ua              IP address and user agent of the login
//
// Keys expire some time after abs. Scripts compare the times in the hash with the caller's
// clock and do not depend on the TTL.
package redis
