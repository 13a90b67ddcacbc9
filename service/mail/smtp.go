package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// smtpTimeout is the time limit of a connection, and of each mail on it. A worker's claim is longer
// than its mails can take together.
const smtpTimeout = 20 * time.Second

// SMTP sends mails through a server (RFC 5321).
type SMTP struct {
	sender  Sender
	host    string
	port    int
	options []gomail.Option
}

// NewSMTP returns a Transport for a URL: smtp://user:password@host:587, which requires STARTTLS
// (RFC 3207) unless the host is a loopback host, or smtps://, which uses TLS from the start
// (RFC 8314). The certificate is verified against the authorities in caFile, or the system's.
func NewSMTP(u *url.URL, caFile string, sender Sender) (*SMTP, error) {
	s := &SMTP{sender: sender, host: u.Hostname()}
	implicit := u.Scheme == "smtps"
	s.port = 587
	if implicit {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		port, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, errors.New("the port is not a number from 0 to 65535")
		}
		s.port = int(port)
	}
	config := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	if !implicit && loopback(s.host) {
		// Relays of this machine often have a certificate for another name. The connection does not
		// leave the machine.
		config.InsecureSkipVerify = true
	}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s contains no certificate in PEM", caFile)
		}
	}
	if strings.Contains(s.host, ":") { // the library joins the host and the port without brackets
		s.host = "[" + s.host + "]"
	}
	_, domain, _ := strings.Cut(sender.From.Address, "@")
	s.options = []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(smtpTimeout), gomail.WithTLSConfig(config), gomail.WithHELO(helo(domain)),
	}
	switch {
	case implicit:
		s.options = append(s.options, gomail.WithSSL())
	case loopback(u.Hostname()):
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		auth := gomail.SMTPAuthAutoDiscover
		if !implicit && loopback(u.Hostname()) { // without TLS, only to this machine
			auth = gomail.SMTPAuthPlainNoEnc
		}
		s.options = append(s.options, gomail.WithSMTPAuth(auth), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	_, err := gomail.NewClient(s.host, s.options...)
	return s, err
}

// helo returns the name with which the client presents itself: the host, or the domain of the sender.
func helo(domain string) string {
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
		return name
	}
	return domain
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Where implements Transport.
func (s *SMTP) Where() string { return "SMTP at " + s.host + ":" + strconv.Itoa(s.port) }

// Open implements Transport.
func (s *SMTP) Open(ctx context.Context) (Connection, error) {
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return nil, &Failure{Class: ClassConnection, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, smtpTimeout)
	defer cancel()
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, failure(err)
	}
	return &smtpConnection{sender: s.sender, client: client, conn: conn}, nil
}

// smtpConnection is a connection to the server.
type smtpConnection struct {
	sender Sender
	client *gomail.Client
	conn   *smtp.Client
}

// Send implements Connection.
func (c *smtpConnection) Send(_ context.Context, m Mail) error {
	msg, err := c.sender.compose(m, gomail.EncodingQP)
	if err != nil {
		return err
	}
	err = c.client.SendWithSMTPClient(c.conn, msg)
	if err == nil || msg.IsDelivered() { // the server took the mail; what follows is only RSET
		return nil
	}
	return failure(err)
}

// Close implements Connection.
func (c *smtpConnection) Close() { _ = c.client.CloseWithSMTPClient(c.conn) }

// failure sorts an error of the library into a class.
func failure(err error) *Failure {
	f := &Failure{Class: ClassConnection, Err: err}
	var sent *gomail.SendError
	var reply *textproto.Error
	code := 0
	switch {
	case errors.As(err, &sent):
		code = sent.ErrorCode()
	case errors.As(err, &reply):
		code = reply.Code
	}
	switch {
	case code >= 500 && sent != nil && (sent.Reason == gomail.ErrSMTPRcptTo || sent.Reason == gomail.ErrSMTPData || sent.Reason == gomail.ErrSMTPDataClose):
		f.Class, f.Final = ClassRefused, true
	case code == 530, code == 534, code == 535, code == 538:
		f.Class = ClassAuth
	case code >= 500:
		f.Class = ClassRefused // of the sender, not of the recipient: a setting may be wrong
	case code >= 400:
		f.Class = ClassDeferred
	case aboutTLS(err):
		f.Class = ClassTLS
	}
	return f
}

func aboutTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &verification) || errors.As(err, &header) || errors.As(err, &alert) ||
		strings.Contains(err.Error(), "STARTTLS") || strings.Contains(err.Error(), "x509:")
}
