package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rewriter rewrites the texts of files.
type rewriter struct {
	from, to string
	// directive is a line of a module file, setting a line of the linter's settings, and
	// reference a package path in another text.
	directive, setting, reference *regexp.Regexp
}

// directories returns the top-level directories of a tree: the first elements of package
// paths. They tell a package path from another path that begins with the same word.
func directories(paths []string) []string {
	var found []string
	for _, path := range paths {
		if dir, _, ok := strings.Cut(filepath.ToSlash(path), "/"); ok && !slices.Contains(found, dir) {
			found = append(found, dir)
		}
	}
	return found
}

func newRewriter(from, to string, directories []string) *rewriter {
	old := regexp.QuoteMeta(from)
	for i, dir := range directories {
		directories[i] = regexp.QuoteMeta(dir)
	}
	return &rewriter{
		from: from, to: to,
		directive: regexp.MustCompile(`(?m)^(\s*(?:(?:module|require|replace|exclude|tool|ignore)\s+)?)` + old + `((?:/[^\s]*)?(?:\s+v|\s+=>|[ \t]*(?://.*)?$))`),
		setting:   regexp.MustCompile(`(\b(?:pkg|module-path):\s*["']?|\blocal-prefixes:\s*\[?["']?|^\s*-\s+["']?)` + old + `(["'/$,}\]\s]|$)`),
		// A path of the file system or of another host has a / before it.
		reference: regexp.MustCompile(`(^|[^\w./~-])` + old + `((?:/(?:` + strings.Join(directories, "|") + `)\b)|@(?:latest|v\d)| => )`),
	}
}

// file returns the new text of a file, and the places of strings that contain the old
// path and stay as they are.
func (r *rewriter) file(path string, text []byte) (string, []string, error) {
	switch ext := filepath.Ext(path); {
	case ext == ".go":
		return r.imports(path, text)
	case ext == ".mod":
		return r.directive.ReplaceAllString(string(text), "${1}"+r.to+"${2}"), nil, nil
	case filepath.Base(path) == ".golangci.yml":
		return r.lines(r.setting, string(text)), nil, nil
	case filepath.ToSlash(path) == "web/client/package.json":
		return r.repository(string(text)), nil, nil
	case ext == ".md", ext == ".sh", ext == ".yml", ext == ".yaml", ext == ".mjs", ext == ".ts", ext == ".js", ext == ".txtar",
		filepath.Base(path) == "Makefile", filepath.Base(path) == "Dockerfile", filepath.Dir(path) == ".ci":
		return r.lines(r.reference, string(text)), nil, nil
	}
	return string(text), nil, nil
}

// repository sets the URL of the repository in a package.json. An address that does not follow from
// the old path stays.
func (r *rewriter) repository(text string) string {
	text = strings.Replace(text, repositoryOf(r.from), repositoryOf(r.to), 1)
	if strings.Contains(text, `"url":`) {
		return text
	}
	return strings.Replace(text, `    "type": "git",`, `    "type": "git",`+"\n    \"url\": \""+repositoryOf(r.to)+`",`, 1)
}

var majorVersion = regexp.MustCompile(`/v\d+$`)

// repositoryOf returns the URL of the repository of a module, as npm writes it.
func repositoryOf(module string) string {
	return "git+https://" + majorVersion.ReplaceAllString(module, "") + ".git"
}

// lines applies a pattern to each line, twice: matches that share a character do not
// overlap.
func (r *rewriter) lines(pattern *regexp.Regexp, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for range 2 {
			line = pattern.ReplaceAllString(line, "${1}"+r.to+"${2}")
		}
		b.WriteString(line)
	}
	return b.String()
}

// imports rewrites the import paths of a Go file, and nothing else in it.
func (r *rewriter) imports(path string, text []byte) (string, []string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return "", nil, fmt.Errorf("read the imports: %w", err)
	}
	var b strings.Builder
	done := 0
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", set.Position(spec.Pos()), err)
		}
		if name != r.from && !strings.HasPrefix(name, r.from+"/") {
			continue
		}
		b.Write(text[done:set.Position(spec.Path.Pos()).Offset])
		b.WriteString(strconv.Quote(r.to + strings.TrimPrefix(name, r.from)))
		done = set.Position(spec.Path.End()).Offset
	}
	b.Write(text[done:])

	var left []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			text := strings.Trim(n.Value, "\"`")
			if n.Kind == token.STRING && (text == r.from+"/" || r.reference.MatchString(text)) {
				left = append(left, fmt.Sprintf("%s:%d", path, set.Position(n.Pos()).Line))
			}
		}
		return true
	})
	return b.String(), left, nil
}
