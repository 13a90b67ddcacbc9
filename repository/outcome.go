package repository

// Outcome is the result of a refresh request. The values are part of the API: they appear in
// logs, metrics and audit records.
type Outcome string

// Accepted outcomes.
const (
	OutcomeRotated       Outcome = "rotated"        // the live token; its successor replaces it
	OutcomeKept          Outcome = "kept"           // the live token; it stays live
	OutcomeReplayed      Outcome = "replayed"       // its predecessor, within grace: the live token is returned again
	OutcomeRecovered     Outcome = "recovered"      // its predecessor, whose successor was lost: a new token
	OutcomeRolledForward Outcome = "rolled_forward" // a token that the store has lost: it is accepted as live
)

// Refused outcomes.
const (
	OutcomeUnknown          Outcome = "unknown"           // no such session
	OutcomeRevoked          Outcome = "revoked"           // revoked before
	OutcomeExpired          Outcome = "expired"           // idle or absolute expiry
	OutcomeClientMismatch   Outcome = "client_mismatch"   // the session belongs to another client
	OutcomeDeliveryMismatch Outcome = "delivery_mismatch" // a token of a cookie arrived in another way
	OutcomeGraceExhausted   Outcome = "grace_exhausted"   // replayed too often; retry later
	OutcomeLate             Outcome = "late"              // would be reuse or recovered, but the call may have been delayed
	OutcomeReuse            Outcome = "reuse"             // a superseded token: the session is revoked
)

// Questions: the store cannot compute the chain of token IDs. The caller does so and repeats
// the request with a Proof.
const (
	OutcomeAhead       Outcome = "ahead"       // does the chain lead from the live token to the presented one?
	OutcomeRecoverable Outcome = "recoverable" // which ID follows the live token?
)

// Outcomes returns all outcomes except the questions.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeRotated, OutcomeKept, OutcomeReplayed, OutcomeRecovered, OutcomeRolledForward,
		OutcomeUnknown, OutcomeRevoked, OutcomeExpired,
		OutcomeClientMismatch, OutcomeDeliveryMismatch, OutcomeGraceExhausted, OutcomeLate, OutcomeReuse,
	}
}

// Accepted reports whether the client receives tokens.
func (o Outcome) Accepted() bool {
	switch o {
	case OutcomeRotated, OutcomeKept, OutcomeReplayed, OutcomeRecovered, OutcomeRolledForward:
		return true
	case OutcomeUnknown, OutcomeRevoked, OutcomeExpired, OutcomeClientMismatch, OutcomeDeliveryMismatch,
		OutcomeGraceExhausted, OutcomeLate, OutcomeReuse, OutcomeAhead, OutcomeRecoverable:
	}
	return false
}

// Question reports whether the caller must repeat the request with a Proof.
func (o Outcome) Question() bool { return o == OutcomeAhead || o == OutcomeRecoverable }
