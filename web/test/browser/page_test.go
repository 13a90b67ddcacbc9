package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestThePage walks through the page like a user, and takes screenshots.
func TestThePage(t *testing.T) {
	s := serve(t)
	b := browser(t)
	b.do(chromedp.Navigate(s.url+"/demo"), visible("#login"))
	b.named()
	b.shot("out-wide", 1280, 900)
	b.shot("out-narrow", 390, 844)

	// An error appears next to its field.
	b.do(
		typed("#login-name", "ada"), typed("#login-password", "wrong horse"+kb.Enter),
	)
	b.until(`document.querySelector("#login .problem").textContent.includes("wrong")`)
	b.do(typed("#signup-name", "ada"), typed("#signup-password", "password1"))
	b.until(`document.getElementById("strength").textContent.includes("The password")`)

	b.signUp(s)
	if user := value(b, chromedp.Text(chromedp.CSS("#user"))); user != "ada (ada@example.org)" {
		t.Errorf("the user is %q", user)
	}
	b.until(`/^\d+ min \d+ s$/.test(document.getElementById("countdown").textContent)`)
	b.until(`document.querySelectorAll("#devices li").length === 1`)
	b.do(click("#refresh"))
	b.until(`document.getElementById("outcome").textContent.startsWith("rotated") && document.getElementById("generation").textContent === "1"`)

	// The token expires: the client refreshes, and the user does not notice.
	b.do(click("#expire"))
	b.until(`document.getElementById("log").textContent.includes("has expired")`)
	b.do(click("#ask"))
	b.until(`/users\/me: 200[^]*users\/refresh: 200[^]*users\/me: 401 token_expired/.test(document.getElementById("log").innerText)`)

	// A phone: first its response is lost, then its old token is replayed, and finally stolen.
	b.do(typed("#phone-password", password+kb.Enter), visible("#phone-lab"))
	b.until(`document.querySelectorAll("#devices li").length === 2`)
	b.do(click("#phone-replay"))
	b.until(`document.getElementById("phone-state").textContent.includes("no old token")`)
	b.shot("in-wide", 1280, 900)
	b.shot("in-narrow", 390, 844)
	b.scheme("dark")
	b.shot("in-dark", 1280, 900)
	b.shot("in-dark-narrow", 390, 844)
	b.scheme("light")
	b.named()

	// The devices, and the end of one session.
	b.do(click(`#devices li:nth-child(1) button, #devices li:nth-child(2) button`))
	b.until(`document.querySelectorAll("#devices li").length === 1 || !document.getElementById("out").hidden`)

	if len(b.complaints) > 0 {
		t.Errorf("the console says: %s", strings.Join(b.complaints, "; "))
	}
}

// TestDemo_AccountIsRenamedAndDeleted changes the username and deletes the account, as the user.
func TestDemo_AccountIsRenamedAndDeleted(t *testing.T) {
	s := serve(t)
	b := browser(t)
	b.signUp(s)
	b.do(typed("#rename-name", "two words"), typed("#rename-password", password+kb.Enter))
	b.until(`document.querySelector("#rename .problem").textContent.startsWith("username must")`)
	b.do(typed("#rename-name", strings.Repeat(kb.Backspace, len(" words"))), click("#rename button"))
	b.until(`document.querySelector("#rename .done").textContent === "The username is two."`)
	b.until(`document.getElementById("user").textContent === "two (ada@example.org)"`)

	// The address: verified, changed and confirmed by the links in the mails.
	follow := func(kind string) {
		l := s.letter(t, kind)
		b.do(chromedp.Navigate(l.URL), click("main form button"), visible("main [role=status]"), chromedp.Navigate(s.url+"/demo"), visible("#in"), click("#ask"))
	}
	b.until(`document.getElementById("verified").textContent === "ada@example.org is not verified yet."`)
	follow("verify_email")
	b.until(`document.getElementById("verified").textContent === "ada@example.org is verified." && document.getElementById("verify").hidden`)
	b.do(typed("#move-email", "two@example.org"), typed("#move-password", password+kb.Enter))
	b.until(`document.querySelector("#move .done").textContent === "Open the link that was sent to two@example.org."`)
	follow("confirm_email")
	b.until(`document.getElementById("user").textContent === "two (two@example.org)"`)
	undo := s.letter(t, "email_changed")
	if undo.To != "ada@example.org" {
		t.Errorf("the notice went to %s", undo.To)
	}
	const restored = "battery staple"
	b.do(chromedp.Navigate(undo.URL), typed("#newPassword", restored+kb.Enter), visible("main [role=status]"), chromedp.Navigate(s.url+"/demo"), visible("#login"),
		typed("#login-name", "two"), typed("#login-password", restored+kb.Enter), visible("#in"))
	b.until(`document.getElementById("user").textContent === "two (ada@example.org)"`)

	b.do(typed("#delete-password", "wrong horse"+kb.Enter))
	b.until(`document.querySelector("#delete .problem").textContent.includes("wrong")`)
	b.do(typed("#delete-password", strings.Repeat(kb.Backspace, len("wrong horse"))+restored+kb.Enter), visible("#login"))
	if n := len(b.cookies(s)); n > 1 { // the device stays
		t.Errorf("%d cookies are left", n)
	}
	b.do(typed("#login-name", "two"), typed("#login-password", password+kb.Enter))
	b.until(`document.querySelector("#login .problem").textContent.includes("wrong")`)
}

// TestDemo_StolenTokenIsDetected steals a token with the buttons of the page.
func TestDemo_StolenTokenIsDetected(t *testing.T) {
	s := serve(t, "LATCHKEY_REFRESH_GRACE=1s", "LATCHKEY_REFRESH_RECOVERY=1h")
	b := browser(t)
	b.signUp(s)
	b.do(typed("#phone-password", password+kb.Enter), visible("#phone-lab"))
	state := func(want string) {
		t.Helper()
		b.until(`document.getElementById("phone-state").textContent.includes("` + want + `")`)
	}
	pass(2100 * time.Millisecond) // tokens are replaced after twice the grace time
	b.do(click("#phone-drop"))
	state("rotated, generation 1. The phone never saw")
	b.do(click("#phone-refresh"))
	b.until(`/Outcome: (replayed|recovered), generation [12]\./.test(document.getElementById("phone-state").textContent)`)
	pass(2100 * time.Millisecond)
	b.do(click("#phone-refresh"))
	state("rotated")
	b.do(click("#phone-replay"))
	state("replayed")
	b.do(click("#phone-steal"))
	state("The thief uses")
	b.until(`document.getElementById("log").textContent.includes("refresh_reused")`)
	b.until(`document.querySelectorAll("#devices li").length === 1`) // the session of the browser continues
}

// TestDemo_UsableByKeyboard walks through the page with the tab key only.
func TestDemo_UsableByKeyboard(t *testing.T) {
	s := serve(t)
	b := browser(t)
	b.do(chromedp.Navigate(s.url+"/demo"), visible("#login"))
	var order []string
	for range 11 {
		b.do(chromedp.KeyEvent(kb.Tab))
		order = append(order, eval[string](b, `document.activeElement.id || document.activeElement.className || document.activeElement.textContent`))
	}
	if got, want := strings.Join(order, " "), "skip login-name login-password Log in signup-name signup-email signup-password Sign up and log in forgot-email Send a link log"; got != want {
		t.Errorf("the tab key goes to %s", got)
	}
	if eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
		t.Error("what has the focus is not to be seen")
	}
}

func (b *tab) scheme(light string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: light}},
	})
}

// named requires that every control has a name for screen readers.
func (b *tab) named() {
	b.t.Helper()
	seen := 0
	for _, node := range call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		switch role := strings.Trim(string(node.Role.Value), `"`); role {
		case "button", "textbox", "link", "log", "heading":
			seen++
			if node.Name == nil || strings.Trim(string(node.Name.Value), `" `) == "" {
				b.t.Errorf("a %s has no name", role)
			}
		}
	}
	if seen < 10 {
		b.t.Errorf("a tree of %d things is none", seen)
	}
}

// TestDemo_OffInProduction requires that the page is disabled in a deployment by default.
func TestDemo_OffInProduction(t *testing.T) {
	s := serve(t, "LATCHKEY_DEMO_ENABLED=auto")
	client := http.Client{Transport: &http.Transport{TLSClientConfig: insecure}}
	for _, path := range []string{"/demo", "/demo/client.js", "/demo/expire"} {
		res, err := client.Get(s.url + path)
		must(t, err)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

// TestTheDescription opens the page of the API, which needs no external resources.
func TestTheDescription(t *testing.T) {
	s := serve(t)
	b := browser(t)
	b.do(chromedp.Navigate(s.url+"/docs"), visible("h1"))
	if n := eval[int](b, `performance.getEntriesByType("resource").filter((r) => !r.name.startsWith("data:")).length`); n != 0 {
		t.Errorf("the page loads %d files", n)
	}
	if n := eval[int](b, `document.querySelectorAll("details").length`); n < 30 {
		t.Errorf("it shows %d operations", n)
	}
	b.shot("docs-wide", 1280, 900)
	b.shot("docs-narrow", 390, 844)
	b.do(click("details summary"))
	b.until(`document.querySelector("details").open`)
	if len(b.complaints) > 0 {
		t.Errorf("the console says: %s", strings.Join(b.complaints, "; "))
	}
}
