package catalog

import "strings"

// Page contains the texts of the pages that the server writes. {} stands for a name.
type Page struct {
	// The login page of OAuth clients.
	LogInTo         string // {}: the application
	UsernameOrEmail string
	Password        string
	LogIn           string
	LogInAndAllow   string
	Cancel          string
	AsksForAccess   string // {}: the application
	AccountScope    string
	SentTo          string // {}: the host
	Forgot          string
	RequestFailed   string

	// The pages of one-time links.
	VerifyTitle    string
	VerifyText     string // {}: the address
	VerifyButton   string
	VerifyDone     string
	ChosenPassword string
	ResetTitle     string
	ResetText      string // {}: the address
	NewPassword    string
	ResetButton    string
	ResetDone      string
	UndoTitle      string
	UndoText       string // {}: the address
	UndoButton     string
	UndoDone       string
	ForgotTitle    string
	ForgotText     string
	Email          string
	ForgotButton   string
	ForgotDone     string
	LinkTitle      string
	LinkInvalid    string
	RequestAnew    string
	BadPassword    string
	BadEmail       string
	EmailTaken     string
	UsernameTaken  string
	WaitAMoment    string
	Unavailable    string
	NoMail         string
	WrongLogin     string
	WrongChosen    string
	Disabled       string
	Unverified     string
}

// Pages returns the texts of the pages in a locale.
func Pages(locale string) Page {
	switch locale {
	case "de":
		return pageDE
	case "ja":
		return pageJA
	case "ko":
		return pageKO
	}
	return pageEN
}

// Around returns the parts of a text before and after the name.
func Around(text string) (before, after string) {
	before, after, _ = strings.Cut(text, "{}")
	return before, after
}

// With returns a text with the name in its place.
func With(text, name string) string { return strings.Replace(text, "{}", name, 1) }
