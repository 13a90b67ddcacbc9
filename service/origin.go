package service

import (
	"crypto/sha256"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"latchkey/repository"
)

// Origin is where a request came from, for the audit log and the list of
// devices. Its members are what the client says or seems to be, and decide
// nothing.
type Origin struct {
	RequestID string
	Address   string
	Agent     string // at most 64 bytes; see DescribeAgent
}

// audit starts a record of something that happened.
func (o Origin) audit(now time.Time, event repository.AuditEvent, outcome string) repository.AuditRecord {
	return repository.AuditRecord{
		ID: newID(), At: now, Event: event, Outcome: outcome,
		RequestID: o.RequestID, Address: o.Address, Agent: o.Agent,
	}
}

// onceAMinute gives a record an ID by what it is about, its event, its outcome and its
// minute, so that every replica's record of the same is one.
func onceAMinute(a repository.AuditRecord, about string) repository.AuditRecord {
	name := strings.Join([]string{about, string(a.Event), a.Outcome, a.At.UTC().Truncate(time.Minute).Format(time.RFC3339)}, "\n")
	a.ID = uuid.NewHash(sha256.New(), uuid.Nil, []byte(name), 8).String() // RFC 9562 5.8
	return a
}

// newID returns a UUID that sorts by its time (RFC 9562, version 7).
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// maxAgent is the longest agent kept, in bytes: a longer value would turn the
// small hash of a session in Redis into a large one.
const maxAgent = 64

// browsers and systems are looked for in this order: every browser claims to be
// those that follow it.
var (
	browsers = [][2]string{
		{"Edg", "Edge"},
		{"OPR", "Opera"},
		{"SamsungBrowser", "Samsung Internet"},
		{"Firefox", "Firefox"},
		{"FxiOS", "Firefox"},
		{"CriOS", "Chrome"},
		{"Chrome", "Chrome"},
		{"Safari", "Safari"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
)

// DescribeAgent turns a User-Agent header into a few words for a list of
// devices: "Firefox on Linux", or the start of the header for what is no
// browser, without characters that cannot be seen.
func DescribeAgent(header string) string {
	if strings.HasPrefix(header, "Mozilla/") {
		if browser, system := find(browsers, header), find(systems, header); browser != "" && system != "" {
			return browser + " on " + system
		}
	}
	header = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, header)
	for len(header) > maxAgent {
		_, size := utf8.DecodeLastRuneInString(header)
		header = header[:len(header)-size]
	}
	return header
}

func find(names [][2]string, in string) string {
	for _, n := range names {
		if strings.Contains(in, n[0]) {
			return n[1]
		}
	}
	return ""
}
