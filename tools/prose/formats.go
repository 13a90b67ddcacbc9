package main

import (
	"regexp"
	"strings"
)

var (
	inline    = regexp.MustCompile("``[^`]+``|`[^`]*`")
	remark    = regexp.MustCompile(`<!--.*?-->`)
	item      = regexp.MustCompile(`^\s*(?:[-*+]|\d+[.)])\s+`)
	key       = regexp.MustCompile(`\b(?:description|summary|title):\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^,{}#][^,}]*)`)
	keyAlone  = regexp.MustCompile(`^(\s*)(?:- )?(?:description|summary|title):\s*(.*)$`)
	blockMark = regexp.MustCompile(`^[|>][-+]?$`)
	allowance = regexp.MustCompile(`(?:<!--|//|#|--|/\*)\s*prose: ?allow\b.*$`)
)

// paragraphs splits the lines of a comment or a message where a line is empty or begins
// an item. Lines that are indented, as code is, are left out.
func paragraphs(k kind, path string, lines []line) (found []passage) {
	var current []line
	flush := func() {
		if len(current) > 0 {
			found = append(found, passage{kind: k, path: path, lines: current})
		}
		current = nil
	}
	list := false
	for _, l := range lines {
		text := allowance.ReplaceAllString(strings.TrimPrefix(l.text, " "), "")
		trimmed := strings.TrimSpace(text)
		isItem := item.MatchString(text)
		switch {
		case trimmed == "":
			flush()
			list = false
			continue
		case isItem:
			flush()
			list = true
			trimmed = strings.TrimSpace(item.ReplaceAllString(text, ""))
		case strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "  ") && !list:
			flush()
			continue
		}
		current = append(current, line{l.number, inline.ReplaceAllString(trimmed, "x")})
	}
	flush()
	return found
}

// readMarkdown returns the paragraphs, items, headings and cells of a Markdown text.
func readMarkdown(k kind, path string, lines []line) (found []passage) {
	var current []line
	flush := func() {
		if len(current) == 0 {
			return
		}
		// A code span may cross the end of a line.
		var joined strings.Builder
		for _, l := range current {
			joined.WriteString(l.text + "\n")
		}
		clean := inline.ReplaceAllStringFunc(joined.String(), func(code string) string {
			return "x" + strings.Repeat("\n", strings.Count(code, "\n"))
		})
		var lines []line
		for i, text := range strings.Split(strings.TrimSuffix(clean, "\n"), "\n") {
			lines = append(lines, line{current[min(i, len(current)-1)].number, text})
		}
		found = append(found, passage{kind: k, path: path, lines: lines})
		current = nil
	}
	fence, blank, list := "", true, false
	for _, l := range lines {
		text := remark.ReplaceAllString(l.text, "")
		trimmed := strings.TrimSpace(text)
		switch {
		case fence != "":
			if strings.HasPrefix(trimmed, fence) {
				fence = ""
			}
		case strings.HasPrefix(trimmed, "```"), strings.HasPrefix(trimmed, "~~~"):
			flush()
			fence = trimmed[:3]
		case trimmed == "":
			flush()
		case strings.HasPrefix(text, "#"):
			flush()
			title := inline.ReplaceAllString(strings.TrimLeft(text, "# "), "x")
			found = append(found, passage{kind: k, path: path, lines: []line{{l.number, title}}, heading: true})
			list = false
		case strings.HasPrefix(trimmed, "|"):
			flush()
			for _, cell := range strings.Split(inline.ReplaceAllString(trimmed, "x"), "|") {
				if strings.Trim(cell, " -:") != "" {
					found = append(found, passage{kind: k, path: path, lines: []line{{l.number, cell}}, heading: true})
				}
			}
		case item.MatchString(text):
			flush()
			list = true
			current = append(current, line{l.number, item.ReplaceAllString(text, "")})
		case strings.HasPrefix(text, "    ") && blank && !list:
			// Code.
		default:
			if blank && !strings.HasPrefix(text, " ") {
				list = false
			}
			current = append(current, line{l.number, strings.TrimLeft(trimmed, "> ")})
		}
		// Text after a line of indented code is code as well, up to an empty line.
		blank = trimmed == "" || blank && strings.HasPrefix(text, "    ")
	}
	flush()
	return found
}

// readYAML returns the comments, and the descriptions, summaries and titles.
func readYAML(path string, lines []line) []passage {
	found := readMarked(path, "#", lines)
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		m := keyAlone.FindStringSubmatch(l.text)
		if m == nil || strings.HasPrefix(strings.TrimSpace(m[2]), "{") {
			if strings.HasPrefix(strings.TrimSpace(l.text), "#") {
				continue
			}
			for _, m := range key.FindAllStringSubmatch(l.text, -1) {
				found = append(found, passage{kind: api, path: path, lines: []line{{l.number, inline.ReplaceAllString(strings.Trim(m[1], `"'`), "x")}}})
			}
			continue
		}
		value := []line{}
		if first := strings.Trim(m[2], `"'`); !blockMark.MatchString(strings.TrimSpace(m[2])) && first != "" {
			value = append(value, line{l.number, first})
		}
		shift := -1
		for i+1 < len(lines) {
			next := lines[i+1]
			depth := len(next.text) - len(strings.TrimLeft(next.text, " "))
			if strings.TrimSpace(next.text) != "" && depth <= len(m[1]) {
				break
			}
			if shift < 0 && strings.TrimSpace(next.text) != "" {
				shift = depth
			}
			value = append(value, line{next.number, next.text[min(max(shift, 0), len(next.text)):]})
			i++
		}
		found = append(found, readMarkdown(api, path, value)...)
	}
	return found
}

// readMarked returns the comments that a mark begins, as # or --.
func readMarked(path, mark string, lines []line) (found []passage) {
	var group []line
	flush := func() {
		found = append(found, paragraphs(comments, path, group)...)
		group = nil
	}
	for _, l := range lines {
		text := strings.TrimSpace(l.text)
		after, whole := strings.CutPrefix(text, mark)
		switch {
		case whole && !strings.HasPrefix(after, "!") && !strings.HasPrefix(after, " +goose"):
			group = append(group, line{l.number, strings.TrimLeft(after, "#-")})
			continue
		case !whole:
			flush()
			if _, after, ok := strings.Cut(text, " "+mark+" "); ok && !strings.ContainsAny(after, `"'`) {
				found = append(found, passage{kind: comments, path: path, lines: []line{{l.number, after}}})
			}
			continue
		}
		flush()
	}
	flush()
	return found
}

// readScript returns the comments of a program in JavaScript or TypeScript.
func readScript(path string, lines []line) []passage {
	var marked []line
	block := false
	for _, l := range lines {
		text := strings.TrimSpace(l.text)
		if strings.HasPrefix(text, "/*") {
			block = true
		}
		if block {
			ends := strings.Contains(text, "*/")
			text = strings.TrimSuffix(strings.TrimLeft(text, "/*"), "*/")
			l.text = "// " + strings.TrimSpace(text)
			block = !ends
		}
		marked = append(marked, l)
	}
	return readMarked(path, "//", marked)
}

// readMakefile returns the comments and the help of each target.
func readMakefile(path string, lines []line) []passage {
	var rest []line
	var found []passage
	for _, l := range lines {
		if _, help, ok := strings.Cut(l.text, ": "); ok && strings.Contains(help, "## ") {
			_, help, _ = strings.Cut(help, "## ")
			found = append(found, passage{kind: messages, path: path, lines: []line{{l.number, help}}, heading: true})
			l.text = ""
		}
		rest = append(rest, l)
	}
	return append(found, readMarked(path, "#", rest)...)
}
