package testserver

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// SMTPOptions are the certificate, the account and the faults of an SMTP server. A fault is called
// for each command, and its error is the answer: use Reply.
type SMTPOptions struct {
	CertFile, KeyFile string // with a certificate the server offers STARTTLS
	Implicit          bool   // TLS from the start
	User, Password    string // required from clients, if set
	Recipient         func(to string) error
	// Accepted is called after a mail was stored, before the answer.
	Accepted func(m ReceivedMail) error
}

// Reply returns an answer of a server.
func Reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// ReceivedMail is a mail that an SMTP server has accepted.
type ReceivedMail struct {
	From, To string
	Raw      []byte
	TLS      bool // the connection was encrypted
}

// SMTPServer is an SMTP server in this process.
type SMTPServer struct {
	Address string // host:port

	mu       sync.Mutex
	received []ReceivedMail
	commands int
}

// StartSMTP starts an SMTP server on the loopback interface, until the end of the test.
func StartSMTP(t testing.TB, o SMTPOptions) *SMTPServer {
	t.Helper()
	s := &SMTPServer{}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, encrypted := c.TLSConnectionState()
		return &smtpSession{server: s, options: o, encrypted: encrypted, authenticated: o.User == ""}, nil
	}))
	server.Domain, server.AllowInsecureAuth = "localhost", true
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	server.ErrorLog = silent{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	if o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		if o.Implicit {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
	}
	go func() { _ = server.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// Received returns the mails that the server has accepted.
func (s *SMTPServer) Received() []ReceivedMail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]ReceivedMail(nil), s.received...)
}

// Commands returns how many mails and logins clients have begun.
func (s *SMTPServer) Commands() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commands
}

type smtpSession struct {
	server        *SMTPServer
	options       SMTPOptions
	encrypted     bool
	authenticated bool
	from, to      string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *smtpSession) AuthMechanisms() []string {
	if s.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *smtpSession) Auth(string) (sasl.Server, error) {
	s.count()
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.options.User || password != s.options.Password {
			return smtp.ErrAuthFailed
		}
		s.authenticated = true
		return nil
	}), nil
}

func (s *smtpSession) count() {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.commands++
}

// Mail implements smtp.Session.
func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	s.count()
	if !s.authenticated {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if s.options.Recipient != nil {
		return s.options.Recipient(to)
	}
	return nil
}

// Data implements smtp.Session.
func (s *smtpSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if !strings.Contains(string(raw), "Message-ID: ") {
		return errors.New("the mail has no Message-ID")
	}
	m := ReceivedMail{From: s.from, To: s.to, Raw: raw, TLS: s.encrypted}
	s.server.mu.Lock()
	s.server.received = append(s.server.received, m)
	s.server.mu.Unlock()
	if s.options.Accepted != nil {
		return s.options.Accepted(m)
	}
	return nil
}

// Reset implements smtp.Session.
func (s *smtpSession) Reset() {}

// Logout implements smtp.Session.
func (s *smtpSession) Logout() error { return nil }

// silent is a logger without output, because tests break connections on purpose.
type silent struct{}

// Printf implements smtp.Logger.
func (silent) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (silent) Println(...any) {}
