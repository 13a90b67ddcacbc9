package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/jose"
	"latchkey/service/keys"
	"latchkey/service/session"
	"latchkey/service/token"
)

// Result describes a token.
type Result struct {
	Kind   string // access token, refresh token, another kind of JWT, or not one of our JWTs
	Claims string // JSON as in the token, verified or not; empty: unreadable
	Key    string // the key that the token names, with its state; empty: unknown
	// Refused is the reason that the token does not verify; empty: it verifies.
	Refused string
	// Session describes the state of the session that the token names.
	Session string
	// Outcome is the outcome of a refresh with this token now, and Why explains it. Both are empty
	// unless the token is a refresh token that verifies.
	Outcome string
	Why     string
}

// Inspector predicts how the service would treat a token. It changes nothing.
type Inspector struct {
	tokens   *token.Minter
	keys     token.KeySource
	sessions *session.Service
	policy   session.Policy
	now      func() time.Time
}

// New returns an Inspector of the tokens of a service.
func New(tokens *token.Minter, keys token.KeySource, sessions *session.Service, policy session.Policy, now func() time.Time) *Inspector {
	return &Inspector{tokens: tokens, keys: keys, sessions: sessions, policy: policy, now: now}
}

// Inspect describes a token, whether it verifies, and the result of a refresh with it. It returns
// store_unavailable if a store cannot be read.
func (i *Inspector) Inspect(ctx context.Context, raw token.Raw) (Result, error) {
	in := Result{Kind: "not a JWT of this service"}
	f, err := jose.ParseForm(string(raw))
	if err != nil {
		in.Refused = err.Error()
		return in, nil
	}
	in.Claims = printable(f.Payload)
	if k, known := i.keys.KeySet().Find(f.KID, i.now()); known {
		in.Key = fmt.Sprintf("%s, %s, for %s tokens, %s", k.ID, k.Algorithm, k.Use, k.State)
	}
	switch f.Typ {
	case keys.TypeAccess:
		in.Kind = "access token"
		subject, err := i.tokens.VerifyAccess(raw)
		if err != nil {
			in.Refused = err.Error()
			if subject, err = i.tokens.VerifyLateAccess(raw, i.policy.AbsoluteTTL); err != nil {
				return in, nil // the session in an unverified token cannot be trusted
			}
		}
		if subject.SessionID == "" {
			in.Session = "none: the token has no session"
			return in, nil
		}
		found, err := i.sessions.Find(ctx, subject.UserID, subject.SessionID)
		if err != nil {
			return in, err
		}
		in.Session, _ = i.describe(found)
		return in, nil
	case keys.TypeRefresh:
		in.Kind = "refresh token"
		token, err := i.tokens.VerifyRefresh(raw)
		if err != nil {
			in.Refused = err.Error()
			return in, nil
		}
		preview, err := i.sessions.Preview(ctx, token)
		if err != nil {
			return in, err
		}
		in.Session, in.Why = i.describe(preview.Found)
		if preview.Refusal != nil {
			in.Outcome = string(service.AsError(preview.Refusal).Code)
		} else if in.Outcome = string(preview.Outcome); preview.Known {
			in.Why = because(preview, token, i.policy)
		}
		return in, nil
	}
	in.Kind, in.Refused = "a JWT of another kind", "its typ is neither at+jwt nor rt+jwt"
	return in, nil
}

// describe returns a description of the session, and why none of its tokens is accepted if the
// session's policy is not needed to decide that.
func (i *Inspector) describe(f session.Found) (state, why string) {
	switch {
	case f.Refusal != nil && f.User.ID == "":
		return "over: the user does not exist", "the user was deleted"
	case f.Refusal != nil && f.User.Disabled:
		return "over: the account is disabled", "the account is disabled"
	case f.Refusal != nil:
		return "ended, by the database", "the session was ended"
	case !f.Known:
		return "not in the session store", "the session is not in the session store: it is over, or the store was emptied"
	}
	return describe(f.Session, f.User, i.now()), ""
}

// printable returns JSON on one line, safe for a terminal, or "" if the payload is not JSON.
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

// describe returns a description of a session.
func describe(session repository.Session, u repository.User, now time.Time) string {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	state := "live"
	switch {
	case session.Ended != "":
		state = fmt.Sprintf("ended (%s) at %s", session.Ended, at(session.EndedAt))
	case session.Epoch != u.SessionEpoch && session.ID != u.ExceptSession:
		state = "over: all sessions of the user were ended"
	case !session.Live(now, u.SessionEpoch, u.ExceptSession):
		state = "expired"
	}
	return fmt.Sprintf("%s; generation %d since %s, last used %s, idle until %s, until %s at most, by %s", state, session.Gen,
		at(session.RotatedAt), at(session.UsedAt), at(session.IdleAt), at(session.AbsoluteAt), session.Delivery)
}

// because explains an outcome.
func because(p session.Preview, token token.Refresh, policy session.Policy) string {
	s, after, o := p.Session, p.After, p.Outcome
	switch o {
	case repository.OutcomeKept:
		if !policy.Rotate {
			return "the token is current, and rotation is off"
		}
		return "the token is current, and was issued less than two grace times ago: it is kept"
	case repository.OutcomeRotated:
		return fmt.Sprintf("the token is current: generation %d supersedes it", after.Gen)
	case repository.OutcomeReplayed:
		return fmt.Sprintf("the token was superseded less than %s ago: its successor is returned again", policy.Grace)
	case repository.OutcomeRecovered:
		return "the token was superseded, and its successor was never used: the client lost the successor, which is superseded in turn"
	case repository.OutcomeRolledForward:
		return fmt.Sprintf("the store is at generation %d and lost later writes; the token proves that they happened", s.Gen)
	case repository.OutcomeReuse:
		return fmt.Sprintf("generation %d was superseded; the current generation is %d. A refresh would end the session: the token was copied", token.Gen, s.Gen)
	case repository.OutcomeExpired:
		return "the session has expired"
	case repository.OutcomeRevoked:
		if s.Ended == "" {
			return "all sessions of the user were ended"
		}
		return "the session was ended: " + string(s.Ended)
	case repository.OutcomeClientMismatch:
		return "the session belongs to another client"
	case repository.OutcomeDeliveryMismatch:
		return "the session uses cookies"
	case repository.OutcomeGraceExhausted:
		return "the token was superseded, and has been sent too often since"
	case repository.OutcomeLate:
		return "the token was superseded so recently, or by a clock so far off, that the call may be older: the client must retry"
	case repository.OutcomeUnknown, repository.OutcomeAhead, repository.OutcomeRecoverable:
	}
	return strings.ReplaceAll(string(o), "_", " ")
}
