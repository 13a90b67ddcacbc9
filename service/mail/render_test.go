package mail_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/apptest"
	"latchkey/internal/catalog"
	"latchkey/service/mail"
)

var brand = catalog.Brand{Name: "Example & Co", Color: "#ffd400", Logo: "https://example.org/logo.png"}

func renderer(t *testing.T, dir string) *mail.Renderer {
	t.Helper()
	r, err := mail.NewRenderer(dir, brand, urls)
	apptest.Must(t, err)
	return r
}

func TestRenderer_EveryKindInEveryLanguage(t *testing.T) {
	r := renderer(t, "")
	withLink := regexp.MustCompile(`https://auth\.example/[vru]\?t(oken)?=SAMPLE`)
	for _, kind := range mail.Kinds() {
		seen := map[string]string{}
		for _, locale := range catalog.Locales() {
			m, err := r.Preview(kind, locale, "ada@example.org", apptest.Noon)
			apptest.Must(t, err)
			for part, text := range map[string]string{"subject": m.Subject, "text": m.Text, "HTML": m.HTML} {
				if text == "" || strings.Contains(text, "{{") || strings.Contains(text, "}}") {
					t.Errorf("%s in %s: the %s is %q", kind, locale, part, text)
				}
				if before, ok := seen[part+text]; ok {
					t.Errorf("%s: %s and %s have the same %s", kind, before, locale, part)
				}
				seen[part+text] = locale
			}
			hasLink := kind == mail.VerifyEmail || kind == mail.ResetPassword || kind == mail.ConfirmEmail || kind == mail.EmailChanged
			if withLink.MatchString(m.Text) != hasLink || strings.Contains(m.HTML, "SAMPLE") != hasLink {
				t.Errorf("%s in %s: the link is %q", kind, locale, withLink.FindString(m.Text))
			}
			if !strings.Contains(m.HTML, "Example &amp; Co") || !strings.Contains(m.HTML, `lang="`+locale+`"`) || !strings.Contains(m.HTML, "example.org/logo.png") {
				t.Errorf("%s in %s: %s", kind, locale, m.HTML)
			}
			if hasLink && !strings.Contains(m.HTML, "background: #ffd400; color: #000000") {
				t.Errorf("%s in %s: the button has another color", kind, locale)
			}
			if strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "http:") {
				t.Errorf("%s in %s loads something", kind, locale)
			}
		}
	}
}

func write(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		apptest.Must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestRenderer_FilesReplaceTexts(t *testing.T) {
	r := renderer(t, write(t, map[string]string{
		"reset_password.ko.txt":   "Subject: Hi {{username}}\r\n\r\nOne\r\nparagraph.\r\n\r\n[Press]({{link}})\r\n",
		"new_device.en.html":      "<b>{{agent}}</b>{{product}}",
		"new_device.en.txt":       "Subject: New\n\n{{agent}}",
		".gitignore":              "",
		"password_changed.de.txt": "Subject: S\n\n{{address}}",
	}))
	m, err := r.Preview(mail.ResetPassword, "ko", "ada@example.org", apptest.Noon)
	apptest.Must(t, err)
	if m.Subject != "Hi ada" || !strings.HasPrefix(m.Text, "One paragraph.\n\nPress:\nhttps://auth.example/r?token=SAMPLE") || !strings.Contains(m.HTML, ">Press</a>") {
		t.Errorf("%+v", m)
	}
	m, err = r.Preview(mail.NewDevice, "en", "ada@example.org", apptest.Noon)
	apptest.Must(t, err)
	if m.HTML != "<b>Firefox on Linux</b>Example &amp; Co" || m.Text != "Firefox on Linux\n" {
		t.Errorf("%+v", m)
	}
	m, err = r.Preview(mail.ResetPassword, "en", "ada@example.org", apptest.Noon)
	apptest.Must(t, err)
	if m.Subject != "Set a new password for Example & Co" {
		t.Errorf("a text that was not replaced: %+v", m)
	}
}

// TestRenderer_BadFilesAreNamed with their lines, all at once.
func TestRenderer_BadFilesAreNamed(t *testing.T) {
	_, err := mail.NewRenderer(write(t, map[string]string{
		"reset_password.en.txt": "Subject: S\n\nNo link\n",
		"verify_email.en.txt":   "Hello\n\n{{link}}",
		"confirm_email.en.txt":  "Subject: S\n\n{{link}}\n\n{{password}}\n",
		"email_changed.en.txt":  "Subject: S\n\n{{link\n",
		"new_device.en.txt":     "Subject: S\n",
		"new_device.fr.txt":     "Subject: S\n\nx",
		"test.en.html":          "<p>\n{{link}}",
		"readme.md":             "",
	}), brand, urls)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"reset_password.en.txt:4: the placeholder {{link}} is missing",
		"verify_email.en.txt:1: the first line must be the subject",
		"confirm_email.en.txt:5: unknown placeholder {{password}}",
		"email_changed.en.txt:3: a placeholder is not closed",
		"new_device.en.txt:2: the mail has no text",
		"new_device.fr.txt: not the name of a text",
		"test.en.html:2: unknown placeholder {{link}}",
		"readme.md: not the name of a text",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if _, err := mail.NewRenderer(filepath.Join(t.TempDir(), "none"), brand, urls); err == nil {
		t.Error("a directory that does not exist")
	}
}
