package apptest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Letter is a mail as its recipient reads it.
type Letter struct {
	Header  mail.Header
	To      string
	Subject string
	Text    string
	HTML    string
	URL     string // the first link in the text
	Token   string // in the link
}

var firstURL = regexp.MustCompile(`https?://\S+`)

// ReadLetter reads a mail in the form of RFC 5322.
func ReadLetter(t testing.TB, raw []byte) Letter {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	Must(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	Must(t, err)
	l := Letter{Header: m.Header, To: strings.Trim(m.Header.Get("To"), "<>"), Subject: subject}
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || media != "multipart/alternative" {
		t.Fatalf("the mail is %q: %v", media, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		Must(t, err)
		var content io.Reader = part
		switch encoding := part.Header.Get("Content-Transfer-Encoding"); encoding {
		case "quoted-printable":
			content = quotedprintable.NewReader(part)
		case "8bit":
		default:
			t.Fatalf("a part is encoded as %q", encoding)
		}
		text, err := io.ReadAll(content)
		Must(t, err)
		switch media := part.Header.Get("Content-Type"); {
		case strings.HasPrefix(media, "text/plain"):
			l.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
		case strings.HasPrefix(media, "text/html"):
			l.HTML = strings.ReplaceAll(string(text), "\r\n", "\n")
		default:
			t.Fatalf("a part is %q", media)
		}
	}
	if l.URL = firstURL.FindString(l.Text); l.URL != "" {
		u, err := url.Parse(l.URL)
		Must(t, err)
		l.Token = u.Query().Get("token")
	}
	return l
}
