package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"latchkey/internal/hostname"
)

// Transport delivers mails: by SMTP, or as files.
type Transport interface {
	// Open returns a connection for one worker.
	Open(ctx context.Context) (Connection, error)
	// Where names the transport for people, without secrets.
	Where() string
}

// Connection delivers mails one after another.
type Connection interface {
	// Send delivers a mail. It returns a *Failure if it could not.
	Send(ctx context.Context, m Mail) error
	Close()
}

// Sender is the sender of all mails.
type Sender struct {
	From    mail.Address
	ReplyTo *mail.Address // or nil
}

// compose returns a mail in the form of RFC 5322, with an encoding for the text. A mail that is sent
// again has the same Message-ID.
func (s Sender) compose(m Mail, text gomail.Encoding) (*gomail.Msg, error) {
	to, err := WireAddress(m.To)
	if err != nil {
		return nil, &Failure{Class: ClassAddress, Final: true, Err: err}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&s.From)
	msg.ToMailAddress(&mail.Address{Address: to})
	if s.ReplyTo != nil {
		msg.ReplyToMailAddress(s.ReplyTo)
	}
	_, domain, _ := strings.Cut(s.From.Address, "@")
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetDateWithValue(m.At)
	msg.Subject(m.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 5
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")  // Exchange
	msg.SetBodyString(gomail.TypeTextPlain, m.Text, gomail.WithPartEncoding(text))
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// WireAddress returns an address with the domain in ASCII, which every server accepts.
func WireAddress(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", errors.New("the address has no @")
	}
	domain, err := hostname.Canonical(address[at+1:])
	return address[:at+1] + domain, err
}

// Class is the kind of a failure, as metrics and the log name it.
type Class string

// The classes.
const (
	ClassConnection Class = "connection" // the server is unreachable, hangs, or closed the connection
	ClassTLS        Class = "tls"        // no STARTTLS, or a certificate that is not trusted
	ClassAuth       Class = "auth"
	ClassDeferred   Class = "deferred" // the server answered 4xx
	ClassRefused    Class = "refused"  // the server answered 5xx
	ClassAddress    Class = "address"  // the address cannot be written
	ClassFile       Class = "file"
	ClassStore      Class = "store"
	ClassSecret     Class = "secret" // the message was sealed with another tokens.secret
	ClassText       Class = "text"   // the text could not be written
)

// Failure is why a mail was not delivered.
type Failure struct {
	Class Class
	Final bool // to send the mail again has no use
	Err   error
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Files writes mails as files with the extension eml, one for each mail. It is the transport of the
// embedded mode.
type Files struct {
	sender Sender
	dir    string
}

// NewFiles returns a Transport that writes to a directory, which it creates.
func NewFiles(dir string, sender Sender) *Files { return &Files{sender: sender, dir: dir} }

// Where implements Transport.
func (f *Files) Where() string { return "files in " + f.dir }

// Open implements Transport.
func (f *Files) Open(context.Context) (Connection, error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, &Failure{Class: ClassFile, Err: err}
	}
	return f, nil
}

// Close implements Connection.
func (f *Files) Close() {}

// Send implements Connection. The name of the file sorts by time. A mail that is sent again replaces
// its file.
func (f *Files) Send(_ context.Context, m Mail) error {
	msg, err := f.sender.compose(m, gomail.NoEncoding) // so that a developer can copy the link
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return &Failure{Class: ClassText, Err: err}
	}
	name := fmt.Sprintf("%s-%s-%s.eml", m.At.UTC().Format("20060102-150405"), m.Kind, m.ID[max(0, len(m.ID)-12):])
	if err := writeFile(filepath.Join(f.dir, name), b.Bytes()); err != nil {
		return &Failure{Class: ClassFile, Err: err}
	}
	return nil
}

// writeFile writes a file that appears complete or not at all, and that only its owner may read.
func writeFile(path string, content []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	if _, err := draft.Write(content); err != nil {
		_ = draft.Close()
		return err
	}
	if err := draft.Close(); err != nil {
		return err
	}
	return os.Rename(draft.Name(), path)
}
