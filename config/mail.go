package config

import (
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mail configures how the service sends mail.
type Mail struct {
	// URL is the mail server: smtp://user:password@host:587, which requires STARTTLS unless the host
	// is a loopback host, or smtps://. If it is empty, the embedded mode writes mails as files to
	// the directory mail in data.dir, and a deployment on Postgres and Redis sends none.
	URL Secret `mapstructure:"url"`
	// From is the sender, an address or Name <address>; empty: no-reply at the host of
	// server.public_url.
	From string `mapstructure:"from"`
	// ReplyTo is the address for answers; empty: none.
	ReplyTo string `mapstructure:"reply_to"`
	// CAFile is a PEM file with the CA certificates for the mail server; empty: the CA certificates
	// of the system.
	CAFile string `mapstructure:"ca_file"`
	// Templates is a directory with texts that replace the texts of the mails; empty: none.
	Templates string `mapstructure:"templates"`
}

// The values of accounts.verify.
const (
	VerifyOff      = "off"
	VerifyOptional = "optional"
	VerifyRequired = "required"
)

// Accounts configures email addresses and one-time links.
type Accounts struct {
	// Verify is off, optional or required. With optional a new user gets a link that verifies the
	// email address. With required the user cannot log in before.
	Verify string `mapstructure:"verify"`
	// Conceal keeps secret which email addresses have an account: signup answers the same for each
	// address, and creates the account when the address is verified. It requires accounts.verify
	// required.
	Conceal bool `mapstructure:"conceal"`
	// Notices are the optional security notices that users get by mail: new_device, token_reused. The
	// notices about a new password and a new address are always sent.
	Notices []string `mapstructure:"notices"`
	// VerifyURL is the page of your app that verifies an address, with {token} in place of the
	// token; empty: the page of the service.
	VerifyURL string `mapstructure:"verify_url"`
	// ResetURL is the page of your app that sets a new password, with {token}; empty: the page of
	// the service.
	ResetURL string `mapstructure:"reset_url"`
	// UndoURL is the page of your app that restores an earlier address, with {token}; empty: the
	// page of the service.
	UndoURL string `mapstructure:"undo_url"`
}

// Branding configures the look of mails and pages.
type Branding struct {
	// Name is the name of your product; empty: the host of server.public_url.
	Name string `mapstructure:"name"`
	// Color is the color of buttons, as in #2456c7.
	Color string `mapstructure:"color"`
	// Logo is the https URL of an image; empty: none.
	Logo string `mapstructure:"logo"`
}

// MailAvailable reports whether the service can send mail, or write it as files.
func (c Config) MailAvailable() bool { return c.Embedded() || !c.Mail.URL.Empty() }

func (c *Config) validateMail(p *problems) {
	host := "localhost"
	if u := c.Server.PublicURL; u != nil && net.ParseIP(u.Hostname()) == nil {
		host = u.Hostname()
	}
	if c.Mail.From == "" {
		c.Mail.From = "no-reply@" + host
	}
	const form = "must be an address, as in no-reply@example.org or Example <no-reply@example.org>"
	if _, err := mail.ParseAddress(c.Mail.From); err != nil {
		p.add("mail.from", form)
	}
	if c.Mail.ReplyTo != "" {
		if _, err := mail.ParseAddress(c.Mail.ReplyTo); err != nil {
			p.add("mail.reply_to", form)
		}
	}
	if c.Mail.URL.Empty() {
		return
	}
	u, err := url.Parse(c.Mail.URL.Reveal())
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "[") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		p.add("mail.url", "must be of the form smtp://user:password@host:587 or smtps://user:password@host:465, with special characters in the password percent-encoded")
	}
}

func (c *Config) validateAccounts(p *problems) {
	p.oneOf("accounts.verify", c.Accounts.Verify, VerifyOff, VerifyOptional, VerifyRequired)
	if c.Accounts.Verify == VerifyRequired && !c.MailAvailable() {
		p.add("accounts.verify", "required needs mail.url: without mail no user could verify an address")
	}
	if c.Accounts.Conceal && c.Accounts.Verify != VerifyRequired {
		p.add("accounts.conceal", "requires accounts.verify required: otherwise a login would show whether an address has an account")
	}
	if c.Accounts.Conceal && c.Login.RevealUnknownUser {
		p.add("accounts.conceal", "contradicts login.reveal_unknown_user: switch one of the two off")
	}
	for _, n := range c.Accounts.Notices {
		if !slices.Contains([]string{"new_device", "token_reused"}, n) {
			p.add("accounts.notices", "contains %q: it can contain new_device and token_reused", n)
		}
	}
	for _, page := range []struct{ key, value string }{
		{"accounts.verify_url", c.Accounts.VerifyURL}, {"accounts.reset_url", c.Accounts.ResetURL}, {"accounts.undo_url", c.Accounts.UndoURL},
	} {
		if page.value == "" {
			continue
		}
		u, err := url.Parse(strings.ReplaceAll(page.value, "{token}", "token"))
		switch {
		case err != nil || u.Hostname() == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
			p.add(page.key, "must be an https URL, as in https://app.example.org/reset?token={token}")
		case !strings.Contains(page.value, "{token}") || strings.Contains(authority(page.value), "{token}"):
			p.add(page.key, "must contain {token} after the host")
		}
	}
}

// authority returns the user, host and port of a URL.
func authority(s string) string {
	_, rest, _ := strings.Cut(s, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i]
	}
	return rest
}

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (c *Config) validateBranding(p *problems) {
	if c.Branding.Name == "" && c.Server.PublicURL != nil {
		c.Branding.Name = c.Server.PublicURL.Hostname()
	}
	if strings.ContainsFunc(c.Branding.Name, func(r rune) bool { return r < ' ' }) || len(c.Branding.Name) > 100 {
		p.add("branding.name", "must be at most 100 bytes, without control characters")
	}
	if !colour.MatchString(c.Branding.Color) {
		p.add("branding.color", "must be of the form #2456c7")
	}
	if c.Branding.Logo != "" {
		if u, err := url.Parse(c.Branding.Logo); err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(c.Branding.Logo, " ;,'\"") {
			p.add("branding.logo", "must be an https URL")
		}
	}
}
