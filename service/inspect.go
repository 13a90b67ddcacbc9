package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"latchkey/repository"
)

// Inspection is what can be said of a token without changing anything.
type Inspection struct {
	Kind   string // access token, refresh token, a JWT of another kind, or no JWT of ours
	Claims string // JSON, as they stand in the token, believed or not; empty: cannot be read
	Key    string // the key that it names, and in what state that is; empty: unknown
	// Refused is why the token does not verify; empty: it does.
	Refused string
	// Session is the state of the session that the token names, in words.
	Session string
	// Outcome is what a refresh would come to now, and Why explains it; empty for
	// what is no refresh token that verifies.
	Outcome string
	Why     string
}

// Inspect says what a token is, whether it verifies, and what the next refresh
// with it would answer. It only reads. Its error is trouble of a store.
func (s *Sessions) Inspect(ctx context.Context, raw RawToken) (Inspection, error) {
	in := Inspection{Kind: "no JWT of ours"}
	f, err := parseForm(string(raw))
	if err != nil {
		in.Refused = err.Error()
		return in, nil
	}
	in.Claims = printable(f.payload)
	if e := s.tokens.keys.KeySet().find(f.kid); e != nil {
		in.Key = fmt.Sprintf("%s, %s, for %s tokens, %s", e.ID, e.Algorithm, e.use, e.state(s.now()))
	}
	switch f.typ {
	case typeAccess:
		in.Kind = "access token"
		subject, err := s.tokens.VerifyAccess(raw)
		if err != nil {
			in.Refused = err.Error()
			if subject, err = s.tokens.VerifyLateAccess(raw, s.policy.AbsoluteTTL); err != nil {
				return in, nil // what it names is nobody's word
			}
		}
		if subject.SessionID == "" {
			in.Session = "none: the token belongs to no session"
			return in, nil
		}
		u, session, err := s.look(ctx, subject.UserID, subject.SessionID, &in)
		if err == nil && session != nil {
			in.Session = describe(*session, u, s.now())
		}
		return in, err
	case typeRefresh:
		in.Kind = "refresh token"
		token, err := s.tokens.verifyRefresh(raw)
		if err != nil {
			in.Refused = err.Error()
			return in, nil
		}
		return in, s.foresee(ctx, token, &in)
	}
	in.Kind, in.Refused = "a JWT of another kind", "its typ is neither at+jwt nor rt+jwt"
	return in, nil
}

// foresee applies the rules to a copy of the session.
func (s *Sessions) foresee(ctx context.Context, token refreshToken, in *Inspection) error {
	u, session, err := s.look(ctx, token.userID, token.sessionID, in)
	if err != nil || session == nil {
		return err
	}
	in.Session = describe(*session, u, s.now())
	call := s.presentation(Presentation{Terms: Terms{ClientID: token.clientID}, Delivery: session.Delivery}, token, u)
	after, outcome := session.Present(call)
	if outcome.Question() {
		call.Proof = s.tokens.root.prove(session.Presented(outcome), token)
		after, outcome = session.Present(call)
	}
	in.Outcome, in.Why = string(outcome), because(*session, after, outcome, token, s.policy)
	return nil
}

// look reads a user and a session. Where the answer of a refresh is clear
// without its rules it says so in the inspection, and returns no session.
func (s *Sessions) look(ctx context.Context, userID, sessionID string, in *Inspection) (repository.User, *repository.Session, error) {
	refuse := func(outcome, session, why string) (repository.User, *repository.Session, error) {
		in.Session = session
		if in.Kind == "refresh token" {
			in.Outcome, in.Why = outcome, why
		}
		return repository.User{}, nil, nil
	}
	u, ended, err := s.store.Users.FindUserOfSession(ctx, userID, sessionID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return refuse(string(CodeSessionRevoked), "over: there is no such user", "the user was deleted")
	case err != nil:
		return u, nil, storeFailure("find the user of a session", err)
	case u.Disabled:
		return refuse(string(CodeAccountDisabled), "over: the account is disabled", "the account is disabled")
	case ended != "":
		return refuse(string(CodeSessionRevoked), "ended, as the database says", "the session was ended")
	}
	session, err := s.store.Sessions.FindSession(ctx, userID, sessionID)
	if errors.Is(err, repository.ErrNotFound) {
		return refuse(string(repository.OutcomeUnknown), "not in the session store", "the session store does not know the session: it is over, or the store was emptied")
	}
	if err != nil {
		return u, nil, storeFailure("find a session", err)
	}
	return u, &session, nil
}

// printable is JSON on one line, fit for a terminal; empty for what is no JSON.
func printable(payload []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, payload) != nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, b.String())
}

// describe is a session in words.
func describe(session repository.Session, u repository.User, now time.Time) string {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	state := "live"
	switch {
	case session.Ended != "":
		state = fmt.Sprintf("ended (%s) at %s", session.Ended, at(session.EndedAt))
	case session.Epoch != u.SessionEpoch && session.ID != u.KeptSession:
		state = "over: all of the user's sessions were ended since"
	case !session.Live(now, u.SessionEpoch, u.KeptSession):
		state = "expired"
	}
	return fmt.Sprintf("%s; generation %d since %s, last used %s, idle until %s, until %s at most, by %s", state, session.Gen,
		at(session.RotatedAt), at(session.UsedAt), at(session.IdleAt), at(session.AbsoluteAt), session.Delivery)
}

// because explains an outcome.
func because(s, after repository.Session, o repository.Outcome, token refreshToken, policy RefreshPolicy) string {
	switch o {
	case repository.OutcomeKept:
		if !policy.Rotate {
			return "the token is the live one, and rotation is off"
		}
		return "the token is the live one, and was made less than two grace times ago: it stays"
	case repository.OutcomeRotated:
		return fmt.Sprintf("the token is the live one: generation %d follows", after.Gen)
	case repository.OutcomeReplayed:
		return fmt.Sprintf("the token was replaced less than %s ago: the one that replaced it is given out again", policy.Grace)
	case repository.OutcomeRecovered:
		return "the token was replaced, and nobody has used the one that replaced it: that one was lost, and is replaced in its turn"
	case repository.OutcomeRolledForward:
		return fmt.Sprintf("the store is at generation %d and has lost later writes; the token proves them", s.Gen)
	case repository.OutcomeReuse:
		return fmt.Sprintf("generation %d was spent; the live one is %d. The session would be ended: somebody has a copy", token.gen, s.Gen)
	case repository.OutcomeExpired:
		return "the session has expired"
	case repository.OutcomeRevoked:
		if s.Ended == "" {
			return "all of the user's sessions were ended"
		}
		return "the session was ended: " + string(s.Ended)
	case repository.OutcomeClientMismatch:
		return "the session belongs to another client"
	case repository.OutcomeDeliveryMismatch:
		return "the session's tokens travel in cookies"
	case repository.OutcomeGraceExhausted:
		return "the token was replaced, and has been sent too often since"
	case repository.OutcomeLate:
		return "the token was replaced, and so recently, or by a clock so far off, that the call may be older: the client is asked to send it again"
	case repository.OutcomeUnknown, repository.OutcomeAhead, repository.OutcomeRecoverable:
	}
	return strings.ReplaceAll(string(o), "_", " ")
}
