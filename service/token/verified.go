package token

import (
	"sync"
	"time"

	"latchkey/service/keys"
)

const (
	seenShards = 16
	// seenTokens is the number of tokens remembered in each of two halves, at a few hundred bytes
	// each.
	seenTokens = 16 << 10
)

// verified remembers verified access tokens by digest, so that an attacker cannot use the contents
// of a stolen memory image as tokens. It belongs to one set of keys: when a key is revoked, it is
// dropped as a whole.
type verified struct {
	keys   *keys.Set
	shards [seenShards]seenShard
}

// seenShard has two halves. Tokens are added to the young half. When it is full it becomes the old
// half, and the tokens in the previous old half that were not used since are dropped.
type seenShard struct {
	mu         sync.Mutex
	young, old map[[32]byte]Subject
}

func newVerified(keys *keys.Set) *verified { return &verified{keys: keys} }

// find returns the subject of a token if the token was verified and has not expired.
func (v *verified) find(digest [32]byte, now time.Time) (Subject, bool) {
	s := &v.shards[digest[0]%seenShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	subject, ok := s.young[digest]
	if !ok {
		if subject, ok = s.old[digest]; ok {
			s.put(digest, subject)
		}
	}
	return subject, ok && now.Before(subject.ExpiresAt)
}

// add remembers a token, unless it was accepted only because of the leeway.
func (v *verified) add(digest [32]byte, subject Subject, now time.Time) {
	if !now.Before(subject.ExpiresAt) {
		return
	}
	s := &v.shards[digest[0]%seenShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(digest, subject)
}

func (s *seenShard) put(digest [32]byte, subject Subject) {
	if s.young == nil {
		s.young = map[[32]byte]Subject{}
	}
	if len(s.young) >= seenTokens/2/seenShards {
		s.young, s.old = map[[32]byte]Subject{}, s.young
	}
	s.young[digest] = subject
}
