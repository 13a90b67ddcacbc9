package service

// Counts returns how often log-ins of this process had each outcome.
func (l *Login) Counts() map[LoginOutcome]int64 { return l.counts.Read() }

// LoginOutcome is how a log-in ended, as the log and the audit table name it.
type LoginOutcome string

// The outcomes of log-ins. Overloaded had no turn; failed is trouble of ours.
const (
	LoginSucceeded  LoginOutcome = "success"
	LoginUnknown    LoginOutcome = "unknown_user"
	LoginWrong      LoginOutcome = "wrong_password"
	LoginDisabled   LoginOutcome = "disabled"
	LoginThrottled  LoginOutcome = "throttled"
	LoginOverloaded LoginOutcome = "overloaded"
	LoginFailed     LoginOutcome = "failed"
)

func newLoginTally() Tally[LoginOutcome] {
	return NewTally(LoginSucceeded, LoginUnknown, LoginWrong, LoginDisabled, LoginThrottled, LoginOverloaded, LoginFailed)
}
