package main

import (
	"regexp"
	"strings"
)

// kind is a kind of text.
type kind string

// The kinds. A finding in the first three fails the check.
const (
	docs     kind = "docs"
	api      kind = "API, alerts"
	messages kind = "messages"
	comments kind = "comments"
	tests    kind = "test names"
)

var kinds = []kind{docs, api, messages, comments, tests}

// forUsers reports whether users of the program read a kind of text.
func (k kind) forUsers() bool { return k == docs || k == api || k == messages }

// line is a line of a file, with the marks of its format removed.
type line struct {
	number int
	text   string
}

// passage is a paragraph, a message or a comment.
type passage struct {
	kind  kind
	path  string
	lines []line
	// heading says that it is a title: a question without a mark, not a sentence.
	heading bool
	// measured says that it is counted and never reported.
	measured bool
}

// finding is a construction that a rule found.
type finding struct {
	passage
	at            int
	rule, excerpt string
	advice        string
}

var (
	word = regexp.MustCompile(`[\pL][\pL\d'’-]*`)
	end  = regexp.MustCompile(`[.!?]["')”’]*(?:\s+|$)`)
	// abbreviation is a full stop that ends no sentence.
	abbreviation = regexp.MustCompile(`(?i)(?:\b(?:e\.g|i\.e|etc|vs|cf|no|approx|sec)|\b[a-z]|[\s(]\d+)\.$`)
	link         = regexp.MustCompile(`https?://[^\s)>\]]+`)
	target       = regexp.MustCompile(`\]\([^)\s]*\)`)
)

// text joins the lines, and returns for each of its bytes the line that it is from.
func (p passage) text() (joined string, at []int) {
	var b strings.Builder
	for i, l := range p.lines {
		text := strings.TrimSpace(target.ReplaceAllString(link.ReplaceAllString(l.text, "x"), "]"))
		if i > 0 {
			text = " " + text
		}
		b.WriteString(text)
		for range len(text) {
			at = append(at, l.number)
		}
	}
	return b.String(), at
}

// words counts the words of a passage.
func (p passage) words() int {
	text, _ := p.text()
	return len(word.FindAllString(text, -1))
}

// sentence is a part of a text, from an offset.
type sentence struct {
	text string
	from int
}

// sentences splits a text after each full stop, exclamation mark and question mark.
func sentences(text string) (found []sentence) {
	from := 0
	for _, m := range end.FindAllStringIndex(text, -1) {
		if abbreviation.MatchString(text[from:m[0]+1]) && m[1] < len(text) && !startsUpper(text[m[1]:]) {
			continue
		}
		found = append(found, sentence{text[from:m[1]], from})
		from = m[1]
	}
	if from < len(text) {
		found = append(found, sentence{text[from:], from})
	}
	return found
}

func startsUpper(s string) bool { return s[0] >= 'A' && s[0] <= 'Z' }

// findings applies every rule to a passage.
func (p passage) findings() (found []finding) {
	text, at := p.text()
	for _, s := range sentences(text) {
		seen := map[int]bool{}
		for _, r := range rules {
			if r.start && p.heading || r.unless != nil && r.unless.MatchString(s.text) {
				continue
			}
			for _, m := range r.bad.FindAllStringIndex(s.text, -1) {
				if seen[m[1]] {
					continue // a rule before it found the same word
				}
				seen[m[1]] = true
				found = append(found, finding{p, at[s.from+m[0]], r.name, excerpt(s.text, m), r.advice})
			}
		}
		if n := len(word.FindAllString(s.text, -1)); n > longest && p.kind != tests {
			found = append(found, finding{p, at[s.from], "long", excerpt(s.text, []int{0, min(20, len(s.text))}), "split the sentence: " + itoa(n) + " words"})
		}
	}
	return found
}

// excerpt returns the words around a match.
func excerpt(text string, m []int) string {
	from, to := max(0, m[0]-25), min(len(text), m[1]+25)
	for from > 0 && text[from-1] != ' ' {
		from--
	}
	for to < len(text) && text[to] != ' ' {
		to++
	}
	return strings.TrimSpace(text[from:to])
}
