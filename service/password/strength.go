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

// maxScored is the number of characters that are scored, because the work grows with the cube of
// the length. Scoring 32 characters that can replace letters (4 for a) takes 40 ms, and 64 take 200
// ms.
const maxScored = 32

// Score is the score of a password, which a signup form shows.
type Score struct {
	Value   int     // 0 (the worst) to 4, as zxcvbn has it
	Guesses float64 // an estimate
	Problem string  // why the policy refuses the password; empty: accepted
}

// Scorer scores passwords, with bounded concurrency, because any client may request a score.
type Scorer struct {
	policy Policy
	slots  chan struct{}
	places chan struct{} // one for the slot, and one for each waiting caller
	shares *share.Shares
}

// waiting is the maximum number of callers in the queue, at about 50 ms each.
const waiting = 16

// NewScorer returns a Scorer with a policy.
func NewScorer(policy Policy) *Scorer {
	return &Scorer{policy: policy, slots: make(chan struct{}, 1), places: make(chan struct{}, 1+waiting), shares: share.New()}
}

// Score estimates the strength of a password for a user with these names, for a request from an
// address. It returns overloaded if too many other requests wait, if ctx ends while they run, or if
// the address has used its share of the queue.
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
