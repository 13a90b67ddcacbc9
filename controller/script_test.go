package controller_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/oauth"
	"latchkey/service/password"
)

// TestScripts runs each script in testdata/script on both sets of stores.
//
// Besides the commands of testscript a script can use:
//
//	serve [key=value …]               start the service with these settings; ! if it must refuse them
//	as app|browser [name]             switch to another client; browsers have cookies
//	send METHOD PATH [part …]         send a request; @long in PATH is a long text; part: {json}, form:a=b&c=d, @file, @big, @gzip, Header: value, or +Header: value for a further line
//	client VAR [key=value …]          create an OAuth client, and store its secret in VAR
//	status CODE                       check the status of the last response
//	header NAME [regexp]              check a header of the last response; ! if it must be missing
//	json .path [regexp]               check a member of the last body; ! if it must be missing
//	cookie NAME [regexp]              check a Set-Cookie line; ! if it must be missing
//	page TEXT                         check that the last body contains a text
//	body TEXT                         check that the last body is a text
//	query VAR NAME                    store a parameter of the last redirect in VAR
//	capture VAR json|header|cookie X  store a part of the last response in VAR
//	claims TOKEN                      print the header and the claims of a JWT
//	log PATTERN                       check that a line of the log matches; ! if none may match
//	clock +DURATION                   let time pass
//	operator NAME PRIVILEGE           create a user from the command line
//	disable NAME true|false           disable or enable a user
//	session VAR TOKEN                 store the sid of a JWT in VAR
//	mail [VAR] KIND [ADDRESS]         send the mails in the outbox; the newest mail of KIND is the body, its token goes to VAR; ! if there must be no new one
func TestScripts(t *testing.T) {
	seen := &coverage{operations: map[string]bool{}, errors: map[string]bool{}}
	for _, set := range testserver.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata/script",
				Setup: func(env *testscript.Env) error {
					env.Values[worldKey{}] = &world{t: t, set: set, clock: newClock(), seen: seen}
					return nil
				},
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
					"serve": serveCmd, "as": asCmd, "send": sendCmd, "status": statusCmd, "header": headerCmd, "json": jsonCmd,
					"cookie": cookieCmd, "capture": captureCmd, "claims": claimsCmd, "clock": clockCmd, "operator": operatorCmd,
					"disable": disableCmd, "session": sessionCmd, "client": clientCmd,
					"page": pageCmd, "log": logCmd, "body": bodyCmd, "query": queryCmd, "mail": mailCmd,
				},
			})
		})
	}
	seen.report(t)
}

type worldKey struct{}

// world is the state of a script.
type world struct {
	t        *testing.T
	set      testserver.Set
	clock    *testClock
	instance *instance
	clients  map[string]*http.Client
	client   *http.Client
	browser  bool
	read     map[string]bool // files of mails that a script has read
	answer   *http.Response
	body     []byte
	seen     *coverage
}

func of(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func serveCmd(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	instance, err := start(w.t, w.set.Open(w.t), w.clock, args...)
	if neg {
		if err == nil {
			ts.Fatalf("%v: accepted", args)
		}
		return
	}
	ts.Check(err)
	instance.described.seen = w.seen
	w.instance, w.clients, w.read = instance, map[string]*http.Client{}, map[string]bool{}
	asCmd(ts, false, []string{"app"})
}

func asCmd(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	w.browser = args[0] == "browser"
	name := strings.Join(args, " ")
	if w.clients[name] == nil {
		w.clients[name] = w.instance.client(w.browser)
	}
	w.client = w.clients[name]
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

func sendCmd(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	if len(args) < 2 {
		ts.Fatalf("usage: send METHOD PATH [{json} | @file | Header: value]...")
	}
	var body io.Reader
	header := http.Header{}
	if w.browser {
		header.Set("Sec-Fetch-Mode", "cors")
		header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, arg := range args[2:] {
		name, value, isHeader := strings.Cut(arg, ": ")
		switch {
		case strings.HasPrefix(arg, "{"), strings.HasPrefix(arg, "["):
			body = strings.NewReader(arg)
			header.Set("Content-Type", "application/json")
		case strings.HasPrefix(arg, "form:"):
			body = strings.NewReader(strings.TrimPrefix(arg, "form:"))
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		case arg == "@big":
			body = bytes.NewReader(make([]byte, 64<<10+1))
		case arg == "@gzip":
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, err := z.Write([]byte(`{"username":"ada","password":"x"}`))
			ts.Check(err)
			ts.Check(z.Close())
			body = &b
		case strings.HasPrefix(arg, "@"):
			b, err := os.ReadFile(ts.MkAbs(arg[1:]))
			ts.Check(err)
			body = bytes.NewReader(bytes.TrimSuffix(b, []byte("\n")))
		case isHeader && strings.HasPrefix(name, "+"):
			header.Add(name[1:], value)
		case isHeader:
			header.Set(name, value)
		default:
			ts.Fatalf("send: what is %q?", arg)
		}
	}
	path := strings.ReplaceAll(args[1], "@long", strings.Repeat("x", 5000))
	req, err := http.NewRequest(args[0], w.instance.public.String()+path, body)
	ts.Check(err)
	req.Header = header
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	w.answer, err = w.client.Do(req)
	ts.Check(err)
	w.body, err = io.ReadAll(w.answer.Body)
	ts.Check(err)
	_ = w.answer.Body.Close()
	ts.Logf("%d %s", w.answer.StatusCode, w.body)
}

func statusCmd(ts *testscript.TestScript, neg bool, args []string) {
	if got := strconv.Itoa(of(ts).answer.StatusCode); (got == args[0]) == neg {
		ts.Fatalf("status %s", got)
	}
}

func headerCmd(ts *testscript.TestScript, neg bool, args []string) {
	values := of(ts).answer.Header.Values(args[0])
	check(ts, neg, args, len(values) > 0, strings.Join(values, "\n"))
}

func jsonCmd(ts *testscript.TestScript, neg bool, args []string) {
	value, ok := lookup(ts, args[0])
	check(ts, neg, args, ok, value)
}

func cookieCmd(ts *testscript.TestScript, neg bool, args []string) {
	line := ""
	for _, v := range of(ts).answer.Header.Values("Set-Cookie") {
		if strings.HasPrefix(v, args[0]+"=") {
			line = v
		}
	}
	check(ts, neg, args, line != "", line)
}

// check requires that a value is there. If the script has a pattern, the whole value must
// match it. With neg it requires the opposite.
func check(ts *testscript.TestScript, neg bool, args []string, there bool, value string) {
	ok := there
	if ok && len(args) > 1 {
		pattern, err := regexp.Compile(`^(?s:` + args[1] + `)$`)
		ts.Check(err)
		ok = pattern.MatchString(value)
	}
	if ok == neg {
		ts.Fatalf("%s is %q, there: %v", args[0], value, there)
	}
}

// lookup returns a member of the last body by its path, such as .fields.username or .items.0.id.
func lookup(ts *testscript.TestScript, path string) (string, bool) {
	var v any
	if err := json.Unmarshal(of(ts).body, &v); err != nil {
		ts.Fatalf("the body is no JSON: %s", of(ts).body)
	}
	for _, name := range strings.Split(strings.TrimPrefix(path, "."), ".") {
		ok := false
		switch from := v.(type) {
		case map[string]any:
			v, ok = from[name]
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i < len(from) {
				v, ok = from[i], true
			}
		}
		if !ok {
			return "", false
		}
	}
	return fmt.Sprint(v), true
}

func captureCmd(ts *testscript.TestScript, _ bool, args []string) {
	value, ok := "", false
	switch w := of(ts); args[1] {
	case "json":
		value, ok = lookup(ts, args[2])
	case "header":
		value = w.answer.Header.Get(args[2])
		ok = value != ""
	case "cookie":
		for _, c := range w.answer.Cookies() {
			if c.Name == args[2] {
				value, ok = strings.TrimPrefix(c.Value, "Bearer%20"), true
			}
		}
	}
	if !ok {
		ts.Fatalf("there is no %s %s", args[1], args[2])
	}
	ts.Setenv(args[0], value)
}

func claimsCmd(ts *testscript.TestScript, _ bool, args []string) {
	parts := strings.Split(args[0], ".")
	for _, part := range parts[:2] {
		b, err := base64.RawURLEncoding.DecodeString(part)
		ts.Check(err)
		_, err = fmt.Fprintln(ts.Stdout(), string(b))
		ts.Check(err)
	}
}

func clockCmd(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(strings.TrimPrefix(args[0], "+"))
	ts.Check(err)
	of(ts).clock.Add(d)
}

func operatorCmd(ts *testscript.TestScript, _ bool, args []string) {
	privilege, err := strconv.Atoi(args[1])
	ts.Check(err)
	_, err = of(ts).instance.Accounts.CreateAsOperator(of(ts).t.Context(), account.Registration{
		Username: args[0], Email: args[0] + "@example.org", Password: password.New("correct horse"), Privilege: privilege,
	})
	ts.Check(err)
}

func disableCmd(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	account, err := account.Find(w.t.Context(), w.instance.Stores.Users, args[0])
	ts.Check(err)
	apptest.Disable(w.t, w.instance.Directory, account.ID, args[1] == "true")
}

func mailCmd(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	variable := ""
	if len(args) > 1 && args[0] == strings.ToUpper(args[0]) {
		variable, args = args[0], args[1:]
	}
	for {
		n, err := w.instance.Mailer.Once(w.t.Context())
		ts.Check(err)
		if n == 0 {
			break
		}
	}
	files, err := filepath.Glob(filepath.Join(w.instance.dataDir, "mail", "*-"+args[0]+"-*.eml"))
	ts.Check(err)
	found := ""
	for _, file := range files {
		raw, err := os.ReadFile(file)
		ts.Check(err)
		letter := apptest.ReadLetter(w.t, raw)
		if w.read[file] || len(args) > 1 && letter.To != args[1] {
			continue
		}
		if neg {
			ts.Fatalf("a mail of %s to %s: %s", args[0], letter.To, letter.Text)
		}
		found, w.body = file, []byte(letter.Subject+"\n\n"+letter.Text)
		if variable != "" {
			ts.Setenv(variable, letter.Token)
		}
		w.read[file] = true
	}
	if !neg && found == "" {
		ts.Fatalf("no new mail of %s", args[0])
	}
}

func pageCmd(ts *testscript.TestScript, neg bool, args []string) {
	if bytes.Contains(of(ts).body, []byte(args[0])) == neg {
		ts.Fatalf("%q: %s", args[0], of(ts).body)
	}
}

func logCmd(ts *testscript.TestScript, neg bool, args []string) {
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	if text := of(ts).instance.leaks.text(); pattern.MatchString(text) == neg {
		ts.Fatalf("%q: %s", args[0], text)
	}
}

func bodyCmd(ts *testscript.TestScript, neg bool, args []string) {
	if got := strings.TrimSpace(string(of(ts).body)); (got == args[0]) == neg {
		ts.Fatalf("the body is %s", got)
	}
}

func queryCmd(ts *testscript.TestScript, _ bool, args []string) {
	u, err := of(ts).answer.Location()
	ts.Check(err)
	value := u.Query().Get(args[1])
	if value == "" {
		ts.Fatalf("there is no %s in %s", args[1], u)
	}
	ts.Setenv(args[0], value)
}

func clientCmd(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	var spec oauth.ClientSpec
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "id":
			spec.ID = value
		case "name":
			spec.Name = value
		case "public":
			spec.Public = true
		case "first-party":
			spec.FirstParty = true
		case "grants":
			spec.Grants = strings.Split(value, ",")
		case "scopes":
			spec.Scopes = strings.Split(value, ",")
		case "redirect":
			spec.RedirectURIs = strings.Split(value, ",")
		case "audiences":
			spec.Audiences = strings.Split(value, ",")
		case "pkce-optional":
			spec.PKCEOptional = true
		case "access":
			var err error
			spec.AccessTTL, err = time.ParseDuration(value)
			ts.Check(err)
		default:
			ts.Fatalf("client: what is %q?", arg)
		}
	}
	_, secret, err := w.instance.Clients.Create(w.t.Context(), spec, "", account.Caller{}, audit.Origin{})
	ts.Check(err)
	ts.Setenv(args[0], string(secret))
	ts.Setenv(args[0]+"_BASIC", "Basic "+base64.StdEncoding.EncodeToString([]byte(spec.ID+":"+string(secret))))
}

func sessionCmd(ts *testscript.TestScript, _ bool, args []string) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(args[1], ".")[1])
	ts.Check(err)
	var claims struct{ SID string }
	ts.Check(json.Unmarshal(payload, &claims))
	ts.Setenv(args[0], claims.SID)
}
