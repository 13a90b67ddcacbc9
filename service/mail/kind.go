package mail

import "latchkey/repository"

// Kind is the kind of a message. The values are part of the API.
type Kind string

// The kinds.
const (
	VerifyEmail     Kind = "verify_email"
	ConfirmSignup   Kind = "confirm_signup" // creates the account when its link is used
	ResetPassword   Kind = "reset_password"
	ConfirmEmail    Kind = "confirm_email" // to a new address
	AccountExists   Kind = "account_exists"
	PasswordChanged Kind = "password_changed"
	EmailChanged    Kind = "email_changed" // to the previous address
	NewDevice       Kind = "new_device"
	TokenReused     Kind = "token_reused"
	Test            Kind = "test"
)

// Kinds returns the kinds that have a text of their own.
func Kinds() []Kind {
	return []Kind{VerifyEmail, ResetPassword, ConfirmEmail, AccountExists, PasswordChanged, EmailChanged, NewDevice, TokenReused, Test}
}

// Notices returns the kinds that notify the owner of an account of an event. The first two cannot be
// switched off.
func Notices() []Kind { return []Kind{PasswordChanged, EmailChanged, NewDevice, TokenReused} }

// text returns the kind whose text a message has.
func (k Kind) text() Kind {
	if k == ConfirmSignup {
		return VerifyEmail
	}
	return k
}

// purpose returns the purpose of the link in a message, or "" if it has none.
func (k Kind) purpose() repository.LinkPurpose {
	switch k {
	case VerifyEmail:
		return repository.LinkVerify
	case ConfirmSignup:
		return repository.LinkSignup
	case ResetPassword:
		return repository.LinkReset
	case ConfirmEmail:
		return repository.LinkChange
	case EmailChanged:
		return repository.LinkUndo
	case AccountExists, PasswordChanged, NewDevice, TokenReused, Test:
	}
	return ""
}

// budget returns the budget that a message counts against: what a stranger can cause counts
// together. Each notice has its own, so that no other mail can suppress it.
func (k Kind) budget() string {
	switch k {
	case VerifyEmail, ConfirmSignup, ResetPassword, ConfirmEmail, AccountExists:
		return "links"
	case PasswordChanged, EmailChanged, NewDevice, TokenReused, Test:
	}
	return string(k)
}

// placeholders returns the names of the values that the text of a kind can contain.
func (k Kind) placeholders() []string {
	switch k {
	case VerifyEmail, ConfirmEmail, ConfirmSignup:
		return []string{"product", "link", "expires"}
	case ResetPassword:
		return []string{"product", "link", "expires", "username"}
	case EmailChanged:
		return []string{"product", "link", "expires", "time", "email"}
	case PasswordChanged, NewDevice, TokenReused:
		return []string{"product", "time", "agent", "address"}
	case Test:
		return []string{"product", "time"}
	case AccountExists:
	}
	return []string{"product"}
}
