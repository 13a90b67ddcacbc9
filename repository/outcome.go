package repository

// Outcome is what became of a refresh token that was presented. The values are
// part of the API: they appear in logs, metrics and audit records.
type Outcome string

// Accepted outcomes.
const (
	OutcomeRotated Outcome = "rotated" // the live token, replaced by its successor
	OutcomeKept    Outcome = "kept"    // the live token, which stays
)

// Refused outcomes.
const (
	OutcomeUnknown          Outcome = "unknown"           // no such session
	OutcomeRevoked          Outcome = "revoked"           // ended before
	OutcomeExpired          Outcome = "expired"           // idle or absolute expiry
	OutcomeClientMismatch   Outcome = "client_mismatch"   // another client's session
	OutcomeDeliveryMismatch Outcome = "delivery_mismatch" // a cookie's token elsewhere
	OutcomeReuse            Outcome = "reuse"             // a spent token: the session ends
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeRotated, OutcomeKept,
		OutcomeUnknown, OutcomeRevoked, OutcomeExpired,
		OutcomeClientMismatch, OutcomeDeliveryMismatch, OutcomeReuse,
	}
}

// Accepted reports whether the presenter gets tokens.
func (o Outcome) Accepted() bool {
	return o == OutcomeRotated || o == OutcomeKept
}
