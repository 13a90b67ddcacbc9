package mail

import (
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// template is the text of a mail: a line "Subject: …", an empty line, and paragraphs between empty
// lines. A paragraph of the form [label]({{link}}) is a button in HTML, and the label and the
// link in text. {{name}} stands for a value.
type template struct {
	subject    string
	paragraphs []paragraph
}

type paragraph struct {
	text   string
	button bool // text is the label of the link
}

// parse reads the text of a kind of mail. Its errors begin with the number of the line.
func parse(kind Kind, text string) (template, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n")
	first, rest, _ := strings.Cut(text, "\n")
	if err := checkPlaceholders(kind, text, rest); err != nil {
		return template{}, err
	}
	subject, ok := strings.CutPrefix(first, "Subject:")
	if !ok || strings.TrimSpace(subject) == "" {
		return template{}, fmt.Errorf("1: the first line must be the subject, as in Subject: Confirm your address")
	}
	t := template{subject: strings.TrimSpace(subject)}
	for _, block := range strings.Split(rest, "\n\n") {
		block = strings.Join(strings.Fields(block), " ")
		if block == "" {
			continue
		}
		label, isButton := strings.CutPrefix(block, "[")
		if isButton {
			label, isButton = strings.CutSuffix(label, "]({{link}})")
		}
		if isButton {
			block = label
		}
		t.paragraphs = append(t.paragraphs, paragraph{text: block, button: isButton})
	}
	if len(t.paragraphs) == 0 {
		return template{}, fmt.Errorf("2: the mail has no text")
	}
	return t, nil
}

// checkPlaceholders returns an error for a placeholder that a kind does not have, and if the link is
// missing in the body. The text must be UTF-8.
func checkPlaceholders(kind Kind, text, body string) error {
	if !utf8.ValidString(text) {
		return errors.New("1: the file is not in UTF-8")
	}
	known := kind.placeholders()
	line, rest := 1, text
	for {
		before, after, found := strings.Cut(rest, "{{")
		line += strings.Count(before, "\n")
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}}")
		if !closed || strings.Contains(name, "\n") {
			return fmt.Errorf("%d: a placeholder is not closed with }}", line)
		}
		if !slices.Contains(known, name) {
			return fmt.Errorf("%d: unknown placeholder {{%s}}: %s can contain {{%s}}", line, name, kind, strings.Join(known, "}}, {{"))
		}
		rest = tail
	}
	if slices.Contains(known, "link") && !strings.Contains(body, "{{link}}") {
		return fmt.Errorf("%d: the placeholder {{link}} is missing", line)
	}
	return nil
}

// fill replaces the placeholders in a text that parse has accepted.
func fill(text string, values map[string]string, escape func(string) string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "{{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, rest, _ := strings.Cut(after, "}}")
		b.WriteString(escape(values[name]))
		text = rest
	}
}

// plain and escaped are the two ways to write a value: in text, and in HTML.
func plain(s string) string   { return s }
func escaped(s string) string { return html.EscapeString(s) }
