package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"latchkey/internal/apptest"
	"latchkey/internal/await"
	"latchkey/internal/catalog"
	"latchkey/internal/testserver"
	"latchkey/service/mail"
)

var widths = []int64{360, 800}

// fits requires that nothing on the page is wider than the window.
func (b *tab) fits(what string) {
	b.t.Helper()
	if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("%s is %d pixels too wide", what, over)
	}
}

// contrast returns the lowest contrast of a text and the background behind it (WCAG 2.2, 1.4.3).
const contrast = `(() => {
	const parse = (c) => c.match(/[\d.]+/g).map(Number);
	const lum = ([r, g, b]) => [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	let worst = 21;
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		let back = e;
		while (back && (parse(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0) back = back.parentElement;
		const white = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
		const a = lum(parse(getComputedStyle(e).color)), z = lum(back ? parse(getComputedStyle(back).backgroundColor) : white);
		worst = Math.min(worst, (Math.max(a, z) + 0.05) / (Math.min(a, z) + 0.05));
	}
	return worst;
})()`

// TestMail_LooksRightOnEachScreen renders every mail in every language, light and dark, narrow and wide.
func TestMail_LooksRightOnEachScreen(t *testing.T) {
	program, err := testserver.Program()
	must(t, err)
	pages := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, pages[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	var paths []string
	for _, kind := range mail.Kinds() {
		for _, locale := range catalog.Locales() {
			cmd := exec.Command(program, "mail", "preview", string(kind), "--locale", locale, "--html")
			cmd.Env = append(os.Environ(), "LATCHKEY_BRANDING_NAME=Example")
			html, err := cmd.Output()
			must(t, err)
			path := "/" + string(kind) + "." + locale
			pages[path], paths = string(html), append(paths, path)
		}
	}
	b := browser(t)
	for _, path := range paths {
		b.do(chromedp.Navigate(server.URL + path))
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			if worst := eval[float64](b, contrast); worst < 4.5 {
				t.Errorf("%s, %s: a contrast of %.1f", path, scheme, worst)
			}
			for _, width := range widths {
				b.do(chromedp.EmulateViewport(width, 900))
				b.fits(fmt.Sprintf("%s at %d pixels", path, width))
				if strings.HasPrefix(path, "/reset_password") || strings.HasPrefix(path, "/email_changed.de") {
					b.shot(fmt.Sprintf("mail%s-%s-%d", strings.ReplaceAll(path, "/", "-"), scheme, width), width, 900)
				}
			}
		}
	}
	if len(b.complaints) > 0 {
		t.Errorf("the console says: %s", strings.Join(b.complaints, "; "))
	}
}

// letter waits for a mail of a kind that the program writes to its directory, and returns it.
func (s *site) letter(t *testing.T, kind string) apptest.Letter {
	t.Helper()
	var file string
	await.Eventually(t, 20*time.Second, "a mail of "+kind, func() bool {
		files, err := filepath.Glob(filepath.Join(s.dir, "data", "mail", "*-"+kind+"-*.eml"))
		must(t, err)
		if len(files) > 0 {
			file = files[len(files)-1]
		}
		return file != ""
	})
	raw, err := os.ReadFile(file)
	must(t, err)
	must(t, os.Rename(file, file+".read"))
	l := apptest.ReadLetter(t, raw)
	if _, err := netmail.ParseAddress(l.Header.Get("From")); err != nil {
		t.Error(err)
	}
	return l
}

// TestLinkPages_ByKeyboardWithoutScripts walks through the pages of one-time links with scripts
// switched off, by keyboard.
func TestLinkPages_ByKeyboardWithoutScripts(t *testing.T) {
	s := serve(t)
	b := browser(t)
	b.signUp(s)
	verify := s.letter(t, "verify_email")
	b.scripts(false)
	b.do(chromedp.Navigate(verify.URL), visible("main form button"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), visible("main [role=status]"))
	b.do(chromedp.Navigate(s.url+"/api/users/forgot-password"), visible("#email"))
	b.shotHere("page-forgot")
	b.do(chromedp.KeyEvent("ada@example.org"), chromedp.KeyEvent(kb.Enter), visible("main [role=status]"))
	reset := s.letter(t, "reset_password")
	b.do(chromedp.Navigate(reset.URL), visible("#newPassword"))
	b.shotHere("page-reset")
	b.do(chromedp.KeyEvent("short"), chromedp.KeyEvent(kb.Enter), visible("#error"))
	b.shotHere("page-reset-error")
	b.do(chromedp.KeyEvent("battery staple"), chromedp.KeyEvent(kb.Enter), visible("main [role=status]"))
	b.do(chromedp.Navigate(reset.URL), visible("#error"))
	b.shotHere("page-link-used")
	b.scripts(true)
	b.do(chromedp.Navigate(s.url+"/demo"), visible("#login"), typed("#login-name", "ada"), typed("#login-password", "battery staple"+kb.Enter), visible("#in"))
	if !eval[bool](b, `fetch("/api/users/me").then((r) => r.json()).then((u) => u.emailVerified)`) {
		t.Error("the address is not verified")
	}
}

// shotHere saves the page light and dark, narrow and wide, and requires that it fits.
func (b *tab) shotHere(name string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, width := range widths {
			b.shot(fmt.Sprintf("%s-%s-%d", name, scheme, width), width, 800)
		}
	}
	b.scheme("light")
}

// scripts switches the scripts of pages on or off.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}
