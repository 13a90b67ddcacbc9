// Package keys manages the signing keys of a deployment and their life cycle.
//
//	Next ──► Active ──► Retired
//	  └────────┴───────────┴──► Revoked
//
// A Next key is published before it signs, so that every verifier knows it in time. A Retired key
// still verifies until the last token that it signed expires. Set is an immutable snapshot of the
// keys. Ring reads snapshots from the store, rotates keys by schedule and on request, and seals
// private keys under a key derived from the root secret.
package keys
