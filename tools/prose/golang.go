package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

var (
	directive = regexp.MustCompile(`^(?:go:|nolint|lint:|line |\+build|export |prose:|#nosec)`)
	sql       = regexp.MustCompile(`^\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|WITH|PRAGMA|SET|FROM|WHERE|AND|ORDER|VALUES|RETURNING|LOCK|COMMIT)\b|\b(?:FROM [a-z_]+ WHERE|ON CONFLICT)\b`)
	verbs     = regexp.MustCompile(`%[-+# 0]*[\d*]*(?:\.[\d*]+)?[a-zA-Z%]`)
	tag       = regexp.MustCompile(`<[^<>]*>`)
	// forTests are files whose literals only developers read.
	forTests = regexp.MustCompile(`_test\.go$|\binternal/(?:storetest|testserver)/`)
	hump     = regexp.MustCompile(`\p{Lu}+[\p{Ll}\d]*|[\p{Ll}\d]+`)
)

// readGo returns the comments, the messages and the names of the tests of a Go file.
func readGo(path string, content []byte) ([]passage, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read the comments: %w", err)
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}
	at := func(p token.Pos) int { return set.Position(p).Line }
	var found []passage
	for _, group := range file.Comments {
		var lines []line
		for _, c := range group.List {
			text := c.Text
			if strings.HasPrefix(text, "/*") {
				text = strings.TrimSuffix(text[2:], "*/")
			} else if text = text[2:]; directive.MatchString(text) || directive.MatchString(strings.TrimSpace(text)) {
				continue
			}
			for i, l := range strings.Split(text, "\n") {
				lines = append(lines, line{at(c.Pos()) + i, l})
			}
		}
		found = append(found, paragraphs(comments, path, lines)...)
	}
	isTest := forTests.MatchString(path)
	var walk func(ast.Node) bool
	walk = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Type != nil {
				ast.Inspect(n.Type, walk)
			}
			return false // its tag is no message
		case *ast.FuncDecl:
			if isTest && strings.HasPrefix(n.Name.Name, "Test") {
				text := strings.Join(hump.FindAllString(n.Name.Name[len("Test"):], -1), " ")
				found = append(found, passage{kind: tests, path: path, lines: []line{{at(n.Pos()), strings.ToLower(text)}}, heading: true})
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "MustCompile" {
				return false
			}
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && isTest && s.Sel.Name == "Run" && len(n.Args) == 2 {
				if text, ok := literal(n.Args[0]); ok {
					found = append(found, passage{kind: tests, path: path, lines: []line{{at(n.Pos()), text}}, heading: true})
				}
			}
		case ast.Expr:
			text, ok := literal(n)
			if !ok {
				return true
			}
			if !isTest && isMessage(text) {
				text = tag.ReplaceAllString(verbs.ReplaceAllString(text, "x"), " ")
				_, multiline := n.(*ast.BasicLit)
				var lines []line
				for i, l := range strings.Split(text, "\n") {
					number := at(n.Pos())
					if multiline && at(n.End()) > number {
						number += i
					}
					lines = append(lines, line{number, " " + l})
				}
				found = append(found, paragraphs(messages, path, lines)...)
			}
			return false
		}
		return true
	}
	ast.Inspect(file, walk)
	return found, nil
}

// literal returns a string literal, or several that + joins.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		right, also := literal(e.Y)
		if e.Op == token.ADD && (ok || also) {
			// A part that is no literal is a value, as a verb of a format is.
			if !ok {
				left = "x"
			}
			if !also {
				right = "x"
			}
			return left + right, true
		}
	}
	return "", false
}

// isMessage reports whether people read a literal: it has at least three words, and is
// mostly letters.
func isMessage(text string) bool {
	if sql.MatchString(text) || strings.Count(text, " ") < 2 || len(word.FindAllString(text, 3)) < 3 {
		return false
	}
	letters := 0
	for _, r := range text {
		if unicode.IsLetter(r) || r == ' ' {
			letters++
		}
	}
	return letters*10 >= len(text)*7
}
