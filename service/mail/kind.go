package mail

import (
	"latchkey/repository"
	"latchkey/service/link"
)

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
	EmailChanged    Kind = "email_changed"  // to the previous address
	EmailReplaced   Kind = "email_replaced" // to the previous address, which was not verified
	NewDevice       Kind = "new_device"
	TokenReused     Kind = "token_reused"
	Test            Kind = "test"
)

// Kinds returns the kinds that have a text of their own.
func Kinds() []Kind {
	return []Kind{VerifyEmail, ResetPassword, ConfirmEmail, AccountExists, PasswordChanged, EmailChanged, EmailReplaced, NewDevice, TokenReused, Test}
}

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
	case AccountExists, PasswordChanged, EmailReplaced, NewDevice, TokenReused, Test:
	}
	return ""
}

// budget returns the budget that a message counts against: all that a stranger can cause counts
// together. A mail to an address of the account that its owner or an administrator has requested, and
// each notice, has its own, so that no stranger can suppress it.
func (k Kind) budget(requested bool) string {
	switch k {
	case VerifyEmail, ResetPassword:
		if requested {
			return "requested"
		}
		return "links"
	case ConfirmSignup, ConfirmEmail, AccountExists:
		return "links"
	case PasswordChanged, EmailChanged, EmailReplaced, NewDevice, TokenReused, Test:
	}
	return string(k)
}

// maxLinks returns how many links of the kind are live at most. Links of a signup have no owner yet:
// each needs the password of its signup, and the budget of the recipient bounds them.
func (k Kind) maxLinks() int {
	if k == ConfirmSignup {
		return 1000
	}
	return link.MaxLive
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
	case Test, EmailReplaced:
		return []string{"product", "time"}
	case AccountExists:
	}
	return []string{"product"}
}
