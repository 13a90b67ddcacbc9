package service

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"
)

// maxScored is how much of a password is scored, in characters: the work grows
// with the cube of the length, and 64 characters are some 50 ms.
const maxScored = 64

// Strength is what a sign-up form shows of a password.
type Strength struct {
	Score   int     // 0 (the worst) to 4, as zxcvbn has it
	Guesses float64 // an estimate
	Problem string  // why the policy refuses it; empty: it does not
}

// Strengths scores passwords, a few at once: it is work that anyone may ask for.
type Strengths struct {
	policy PasswordPolicy
	slots  chan struct{}
}

// NewStrengths returns a scorer by a policy.
func NewStrengths(policy PasswordPolicy) *Strengths {
	return &Strengths{policy: policy, slots: make(chan struct{}, 1)}
}

// Score estimates a password for a user of these names. Overloaded when others
// are at it until ctx is done.
func (s *Strengths) Score(ctx context.Context, p Password, username, email string) (Strength, error) {
	problem, err := s.policy.Check(p, username, email)
	if err != nil {
		return Strength{}, err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return Strength{}, overloaded(fmt.Errorf("wait to score a password: %w", ctx.Err()))
	}
	scored := p.text
	if utf8.RuneCountInString(scored) > maxScored {
		scored = string([]rune(scored)[:maxScored])
	}
	r := zxcvbn.PasswordStrength(scored, s.policy.names(username, email))
	if problem != "" {
		r.Score = 0
	}
	return Strength{Score: r.Score, Guesses: r.Guesses, Problem: problem}, nil
}
