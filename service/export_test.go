package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// keyForTest is a key that follows from a text.
func keyForTest(text string, use KeyUse) Key {
	secret := sha256.Sum256([]byte(text + string(use)))
	k, err := newKey("kid-"+string(use)+"-"+hex.EncodeToString(secret[:4]), secret[:])
	if err != nil {
		panic(err)
	}
	return k
}

// AccessKeyForTest returns the key of FixedKeysForTest for access tokens, so that tests
// can forge them.
func AccessKeyForTest(text string) (key []byte, kid string) {
	k := keyForTest(text, UseAccess)
	return k.private.([]byte), k.ID
}

// FixedKeys are keys that never change.
type FixedKeys struct{ set *KeySet }

// KeySet implements KeySource.
func (f *FixedKeys) KeySet() *KeySet { return f.set }

// Current implements KeySource.
func (f *FixedKeys) Current() bool { return true }

// FixedKeysForTest returns keys that follow from a text, or with an algorithm another
// one for access tokens.
func FixedKeysForTest(text string, a Algorithm) *FixedKeys {
	access := keyForTest(text, UseAccess)
	if a != HS256 {
		var err error
		if access, err = GenerateKey(a); err != nil {
			panic(err)
		}
	}
	return FixKeyForTest(access, keyForTest(text, UseRefresh))
}

// FixKeyForTest returns a source of these two keys.
func FixKeyForTest(access, refresh Key) *FixedKeys {
	return &FixedKeys{newKeySet([]keyEntry{
		{Key: access, use: UseAccess, createdAt: time.Unix(1, 0), activeAt: time.Unix(1, 0)},
		{Key: refresh, use: UseRefresh, createdAt: time.Unix(2, 0), activeAt: time.Unix(1, 0)},
	}, nil)}
}

// AccessForTest mints an access token.
func (t *Tokens) AccessForTest(s Subject) (RawToken, error) {
	raw, _, err := t.MintAccess(s, "", []string{"pwd"}, t.Lifetime(0))
	return raw, err
}

// RefreshForTest mints the refresh token of a session in some generation.
func (t *Tokens) RefreshForTest(userID, sessionID string, gen int64) (RawToken, error) {
	now := t.now()
	return t.MintRefresh(RefreshToken{
		UserID: userID, SessionID: sessionID, ClientID: ClientAPI, Gen: gen, ID: NewTokenID(), IssuedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	})
}

// VerifyJWSForTest checks the form and the signature of a token alone, by a key
// whose kid stands for whatever the token names.
func VerifyJWSForTest(raw string, k Key) error {
	f, err := parseForm(raw)
	if err != nil {
		return err
	}
	f.typ, f.kid = TypeAccess, k.ID
	set := FixKeyForTest(k, Key{}).set
	return set.Verify(f, UseAccess, time.Unix(2, 0), 0)
}

// ParseJWKForTest reads one JWK, public or private.
func ParseJWKForTest(text []byte) (Key, error) { return parseJWK(text) }

// WalkForTest is walk.
var WalkForTest = walk

// PublicForTest returns what verifies access tokens.
func PublicForTest(f *FixedKeys) any { return f.set.entries[0].public }

// GateForTest returns a gate, as do, and what it counts.
func GateForTest(slots int, wait, expected time.Duration) (do func(context.Context, string, func() error) error, counts func() GateCounts) {
	g := newGate(slots, wait, expected)
	return g.do, g.counts
}

// SlotForTest gives a slot a job and returns what the slot answers.
func (h *Hasher) SlotForTest(ctx context.Context) error {
	return h.gate.run(&job{ctx: ctx, do: func() error { return nil }})
}

// TookForTest is how long hashing takes, as the gate has measured it last: an
// average that has all of it in the end.
func (h *Hasher) TookForTest() time.Duration { return time.Duration(h.gate.took.Load()) }

// StandStillForTest is as if the process had stood still for so long.
func (c *Clock) StandStillForTest(d time.Duration) { c.lastTick.Add(-int64(d)) }

// LaterForTest is as if so much time had passed since it woke.
func (c *Clock) LaterForTest(d time.Duration) { c.wokenUntil.Add(-int64(d)) }

// HearsNothingForTest is as if the database was last read so long ago.
func (r *Keyring) HearsNothingForTest(d time.Duration) { r.readAt.Add(-int64(d)) }
