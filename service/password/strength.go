package password

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"

	"latchkey/internal/share"
	"latchkey/service"
)

// maxScored is how much of a password is scored, in characters: the work grows with
// the cube of the length, and is 40 ms for 32 characters that stand for letters (4 for
// a), 200 for 64.
const maxScored = 32

// Score is what a sign-up form shows of a password.
type Score struct {
	Value   int     // 0 (the worst) to 4, as zxcvbn has it
	Guesses float64 // an estimate
	Problem string  // why the policy refuses it; empty: it does not
}

// Scorer scores passwords, a few at once: it is work that anyone may ask for.
type Scorer struct {
	policy Policy
	slots  chan struct{}
	places chan struct{} // of the slot and of those who wait for it
	shares *share.Shares
}

// waiting is how many may wait for the slot: some 50 ms each.
const waiting = 16

// NewScorer returns a scorer by a policy.
func NewScorer(policy Policy) *Scorer {
	return &Scorer{policy: policy, slots: make(chan struct{}, 1), places: make(chan struct{}, 1+waiting), shares: share.New()}
}

// Score estimates a password for a user of these names, for a request from an address.
// Overloaded when too many others ask, or are at it until ctx is done, and when the
// address has its share of the places.
func (s *Scorer) Score(ctx context.Context, address string, p Password, username, email string) (Score, error) {
	address = share.Prefix(address)
	if !s.shares.Take(address, share.Of(cap(s.places))) {
		return Score{}, service.Overloaded(errors.New("the address has used its share of the scoring queue"))
	}
	defer s.shares.Return(address)
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	default:
		return Score{}, service.Overloaded(errors.New("too many passwords to score"))
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return Score{}, service.Overloaded(fmt.Errorf("wait to score a password: %w", ctx.Err()))
	}
	problem, err := s.policy.Check(p, username, email)
	if err != nil {
		return Score{}, err
	}
	scored := p.Reveal()
	if utf8.RuneCountInString(scored) > maxScored {
		scored = string([]rune(scored)[:maxScored])
	}
	r := zxcvbn.PasswordStrength(scored, s.policy.Names(username, email))
	if problem != "" {
		r.Score = 0
	}
	return Score{Value: r.Score, Guesses: r.Guesses, Problem: problem}, nil
}
