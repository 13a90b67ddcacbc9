package repository

// Outcome is what became of a refresh token that was presented. The values are
// part of the API: they appear in logs, metrics and audit records.
type Outcome string

// Accepted outcomes.
const (
	OutcomeRotated       Outcome = "rotated"        // the live token, replaced by its successor
	OutcomeKept          Outcome = "kept"           // the live token, which stays
	OutcomeReplayed      Outcome = "replayed"       // its predecessor, a moment later: the live token again
	OutcomeRecovered     Outcome = "recovered"      // its predecessor, whose successor was lost: a new one
	OutcomeRolledForward Outcome = "rolled_forward" // a token that the store has forgotten: adopted
)

// Refused outcomes.
const (
	OutcomeUnknown          Outcome = "unknown"           // no such session
	OutcomeRevoked          Outcome = "revoked"           // ended before
	OutcomeExpired          Outcome = "expired"           // idle or absolute expiry
	OutcomeClientMismatch   Outcome = "client_mismatch"   // another client's session
	OutcomeDeliveryMismatch Outcome = "delivery_mismatch" // a cookie's token elsewhere
	OutcomeGraceExhausted   Outcome = "grace_exhausted"   // replayed too often: come back later
	OutcomeLate             Outcome = "late"              // would be reuse or recovered, but the call may be older than it seems
	OutcomeReuse            Outcome = "reuse"             // a spent token: the session ends
)

// Questions: the store cannot walk the chain of token ids and asks the caller
// to, who presents the token again with a Proof.
const (
	OutcomeAhead       Outcome = "ahead"       // does the live token lead to the presented one?
	OutcomeRecoverable Outcome = "recoverable" // which id follows the live one?
)

// Outcomes lists every outcome but the questions.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeRotated, OutcomeKept, OutcomeReplayed, OutcomeRecovered, OutcomeRolledForward,
		OutcomeUnknown, OutcomeRevoked, OutcomeExpired,
		OutcomeClientMismatch, OutcomeDeliveryMismatch, OutcomeGraceExhausted, OutcomeLate, OutcomeReuse,
	}
}

// Accepted reports whether the presenter gets tokens.
func (o Outcome) Accepted() bool {
	switch o {
	case OutcomeRotated, OutcomeKept, OutcomeReplayed, OutcomeRecovered, OutcomeRolledForward:
		return true
	case OutcomeUnknown, OutcomeRevoked, OutcomeExpired, OutcomeClientMismatch, OutcomeDeliveryMismatch,
		OutcomeGraceExhausted, OutcomeLate, OutcomeReuse, OutcomeAhead, OutcomeRecoverable:
	}
	return false
}

// Question reports whether the token must be presented again with a Proof.
func (o Outcome) Question() bool { return o == OutcomeAhead || o == OutcomeRecoverable }
