package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"latchkey/internal/catalog"
	"latchkey/service/audit"
	"latchkey/service/link"
)

// Mail is a mail that is ready to be sent.
type Mail struct {
	ID      string // UUID; part of the Message-ID
	Kind    Kind
	To      string
	Subject string
	Text    string
	HTML    string
	At      time.Time // of the message
}

// Renderer writes mails. It has the texts of this program, and the files that replace them.
type Renderer struct {
	brand catalog.Brand
	urls  link.URLs
	texts map[string]template // by kind and locale
	pages map[string]string   // HTML of an operator, by kind and locale
}

// NewRenderer returns a Renderer. The directory dir contains files of the operator, KIND.LOCALE.txt and
// KIND.LOCALE.html, each of which replaces one text; empty: none. It returns an error that names the
// file and the line if a file cannot be used.
func NewRenderer(dir string, brand catalog.Brand, urls link.URLs) (*Renderer, error) {
	r := &Renderer{brand: brand, urls: urls, texts: map[string]template{}, pages: map[string]string{}}
	for _, kind := range Kinds() {
		for _, locale := range catalog.Locales() {
			text, err := catalog.Mail(string(kind), locale)
			if err != nil {
				return nil, err
			}
			if r.texts[name(kind, locale)], err = parse(kind, text); err != nil {
				return nil, fmt.Errorf("the text of %s in %s: %w", kind, locale, err)
			}
		}
	}
	return r, r.replace(dir)
}

func name(kind Kind, locale string) string { return string(kind.text()) + "." + catalog.Or(locale) }

// replace reads the files of an operator, and reports every problem.
func (r *Renderer) replace(dir string) error {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var problems []error
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := r.replaceOne(os.DirFS(dir), e.Name()); err != nil {
			problems = append(problems, fmt.Errorf("%s:%w", filepath.Join(dir, e.Name()), err))
		}
	}
	return errors.Join(problems...)
}

func (r *Renderer) replaceOne(dir fs.FS, file string) error {
	kind, locale, ext := splitName(file)
	if !slices.Contains(Kinds(), kind) || !catalog.Known(locale) || ext != "txt" && ext != "html" {
		return fmt.Errorf(" not the name of a text: it must be KIND.LOCALE.txt or KIND.LOCALE.html, as in %s.%s.txt, with a kind of %s and a locale of %s",
			VerifyEmail, catalog.Default, join(Kinds()), strings.Join(catalog.Locales(), ", "))
	}
	b, err := fs.ReadFile(dir, file)
	if err != nil {
		return fmt.Errorf(" %w", err)
	}
	if ext == "html" {
		r.pages[name(kind, locale)] = string(b)
		return checkPlaceholders(kind, string(b), string(b))
	}
	r.texts[name(kind, locale)], err = parse(kind, string(b))
	return err
}

func splitName(file string) (kind Kind, locale, ext string) {
	base, ext, _ := strings.Cut(file, ".")
	locale, ext, _ = strings.Cut(ext, ".")
	return Kind(base), locale, ext
}

func join(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// render writes a message.
func (r *Renderer) render(id string, kind Kind, c content) (Mail, error) {
	key := name(kind, c.Locale)
	t := r.texts[key]
	values := map[string]string{
		"product": r.brand.Name, "username": c.Username, "email": c.Email, "address": c.Address,
		"time": moment(c.At), "expires": moment(c.LinkExpires), "agent": agent(c.Agent, c.Locale),
	}
	if kind.purpose() != "" {
		values["link"] = r.urls.For(kind.purpose(), c.Token)
	}
	m := Mail{ID: id, Kind: kind, To: c.To, Subject: oneLine(fill(t.subject, values, plain)), At: c.At}
	var filled []paragraph
	var texts []string
	for _, p := range t.paragraphs {
		if c.Username == "" && strings.Contains(p.text, "{{username}}") {
			continue // the username is not known to be the recipient's
		}
		filled = append(filled, paragraph{text: fill(p.text, values, plain), button: p.button})
		text := filled[len(filled)-1].text
		if p.button {
			text += ":\n" + values["link"]
		}
		texts = append(texts, text)
	}
	m.Text = strings.Join(texts, "\n\n") + "\n"
	if page, ok := r.pages[key]; ok {
		m.HTML = fill(page, values, escaped)
		return m, nil
	}
	var b bytes.Buffer
	if err := layout(catalog.Or(c.Locale), m.Subject, r.brand.Name, values["link"], r.brand, filled).Render(context.Background(), &b); err != nil {
		return Mail{}, err
	}
	m.HTML = b.String()
	return m, nil
}

// Preview returns a mail with sample values, or with the time of a test.
func (r *Renderer) Preview(kind Kind, locale, to string, at time.Time) (Mail, error) {
	return r.render("00000000-0000-0000-0000-000000000000", kind, content{
		To: to, Locale: locale, Username: "ada", Email: "ada@example.net", Token: "SAMPLE-TOKEN-SAMPLE-TOKEN-SAMPLE-TOKEN-0000",
		LinkExpires: at.Add(link.Life(kind.purpose())), At: at, Address: "192.0.2.7", Agent: "Firefox on Linux",
	})
}

// moment writes a time in a form that every locale reads. The time zone of the reader is unknown.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// unknownAgent is written for a client that is no known browser: the name that such a client sends
// could be an advertisement.
var unknownAgent = map[string]string{"en": "an app", "de": "eine App", "ja": "アプリ", "ko": "앱"}

func agent(described, locale string) string {
	if audit.IsBrowser(described) {
		return described
	}
	return unknownAgent[catalog.Or(locale)]
}

// oneLine keeps a value from adding lines to a header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
