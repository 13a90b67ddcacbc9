package token

import (
	"sync"
	"time"

	"latchkey/service/keys"
)

const (
	seenShards = 16
	// seenTokens bounds how many are remembered: two halves of this, a few
	// hundred bytes each.
	seenTokens = 16 << 10
)

// verified remembers access tokens that were verified, by digest: what a stolen
// memory image shows cannot be presented. It belongs to one set of keys, so that
// a key that is revoked takes all of it along.
type verified struct {
	keys   *keys.Set
	shards [seenShards]seenShard
}

// seenShard has two halves. What is added goes to the young one; when that is
// full it becomes the old one, and what nobody has asked for since is dropped.
type seenShard struct {
	mu         sync.Mutex
	young, old map[[32]byte]Subject
}

func newVerified(keys *keys.Set) *verified { return &verified{keys: keys} }

// find returns the subject of a token, if it was verified and has not expired.
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

// add remembers a token, unless it is only accepted by leeway.
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
