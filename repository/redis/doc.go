// Package redis is the session store of a deployment: one hash for each
// session, whose key carries the user, and for each user one sorted set of its
// sessions. Each transition is one script on keys of one user, which share the
// hash tag {<user id>}, so that it also runs on Redis Cluster.
//
//	<prefix>rt:{<user id>}:<session id>   hash: the live refresh token
//	<prefix>rt:{<user id>}                sorted set: session id by absolute expiry
//
// The fields of the hash:
//
//	gen, jti            generation and id of the live token
//	pgen, prev          those of its predecessor
//	rot, op             when gen last changed (ms), and by which call
//	seen                1 once the live token has been presented
//	idle, abs           idle and absolute expiry (ms)
//	epoch               the user's session epoch at login
//	cid, via            client, and delivery: cookie or body
//	scope, amr, auth    scope; how and when (ms) the user authenticated
//	grc, rec, rec_at    graced answers; recoveries and the start of their window
//	rev, rev_at, rev_op why, when and by which call it was ended: a tombstone
//	created, used       login and last use (ms)
//	ip, ua              address and agent of the login
//
// Keys expire with slack after abs; the times in the hash decide, compared with
// the caller's clock.
package redis
