package main

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// docsPage writes the description as HTML.
type docsPage struct {
	strings.Builder
	root  node
	style string
}

// render returns the page for a description and a style sheet.
func render(text []byte, style string) (string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return "", fmt.Errorf("openapi.yaml: %w", err)
	}
	p := &docsPage{root: node{document.Content[0]}, style: style}
	p.all()
	return p.String(), nil
}

func (p *docsPage) w(parts ...string) {
	for _, part := range parts {
		_, _ = p.WriteString(part) // never fails
	}
}

// resolve follows a reference within the document.
func (p *docsPage) resolve(n node) node {
	if target, ok := strings.CutPrefix(n.get("$ref").text(), "#/"); ok {
		return p.root.get(strings.Split(target, "/")...)
	}
	return n
}

// prose writes a text with paragraphs and `code`, the markup of the descriptions.
func (p *docsPage) prose(text string) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if paragraph != "" {
			p.w("<p>", inline(paragraph), "</p>\n")
		}
	}
}

func inline(text string) string {
	parts := strings.Split(text, "`")
	for i, part := range parts {
		if parts[i] = html.EscapeString(part); i%2 == 1 {
			parts[i] = "<code>" + parts[i] + "</code>"
		}
	}
	return strings.Join(parts, "")
}

// methods are the members of a path that describe an operation.
var methods = []string{"get", "post", "put", "patch", "delete"}

func (p *docsPage) all() {
	title := html.EscapeString(p.root.get("info", "title").text()) + " API"
	p.w("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
		"<title>", title, "</title>\n<style>", p.style, "</style>\n</head>\n<body>\n<main>\n<h1>", title, "</h1>\n")
	p.prose(p.root.get("info", "description").text())
	p.w("<p>For programs: <a href=\"openapi.yaml\">openapi.yaml</a>.</p>\n<nav aria-label=\"Contents\">\n<ul>\n")
	tags := p.root.get("tags").items()
	for _, tag := range tags {
		name := html.EscapeString(tag.get("name").text())
		p.w("<li><a href=\"#", name, "\">", name, "</a>\n<ul>\n")
		p.operations(tag.get("name").text(), func(method, path string, _, o node) {
			p.w("<li><a href=\"#", html.EscapeString(o.get("operationId").text()), "\"><code>", method, " ", html.EscapeString(path), "</code></a> ",
				html.EscapeString(o.get("summary").text()), "</li>\n")
		})
		p.w("</ul></li>\n")
	}
	p.w("<li><a href=\"#errors\">Errors</a></li>\n<li><a href=\"#credentials\">Credentials</a></li>\n</ul>\n</nav>\n")
	for _, tag := range tags {
		name := html.EscapeString(tag.get("name").text())
		p.w("<section>\n<h2 id=\"", name, "\">", name, "</h2>\n")
		p.prose(tag.get("description").text())
		p.operations(tag.get("name").text(), p.operation)
		p.w("</section>\n")
	}
	p.w("<section>\n<h2 id=\"errors\">Errors</h2>\n")
	p.schema(p.root.get("components", "schemas", "Problem"))
	p.w("</section>\n<section>\n<h2 id=\"credentials\">Credentials</h2>\n<dl class=\"list\">\n")
	for _, scheme := range p.root.get("components", "securitySchemes").members() {
		p.w("<dt id=\"credentials-", html.EscapeString(scheme.name), "\"><code>", html.EscapeString(scheme.name), "</code></dt>\n<dd>",
			inline(strings.TrimSpace(scheme.value.get("in").text()+" "+code(scheme.value.get("name").text()))), " ",
			inline(scheme.value.get("description").text()), "</dd>\n")
	}
	p.w("</dl>\n</section>\n</main>\n</body>\n</html>\n")
}

// code marks the name of a header or a cookie as code.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`:"
}

// operations calls f for each operation of a tag, in the order of the document.
func (p *docsPage) operations(tag string, f func(method, path string, item, o node)) {
	for _, path := range p.root.get("paths").members() {
		for _, m := range path.value.members() {
			if slices.Contains(methods, m.name) && m.value.get("tags").words() == tag {
				f(strings.ToUpper(m.name), path.name, path.value, m.value)
			}
		}
	}
}

func (p *docsPage) operation(method, path string, item, o node) {
	p.w("<details id=\"", html.EscapeString(o.get("operationId").text()), "\">\n<summary><b>", method, "</b> <code>", html.EscapeString(path), "</code> ",
		html.EscapeString(o.get("summary").text()), "</summary>\n")
	p.prose(o.get("description").text())
	p.credentials(o.get("security").items())
	if parameters := append(item.get("parameters").items(), o.get("parameters").items()...); len(parameters) > 0 {
		p.w("<h3>Parameters</h3>\n<dl class=\"list\">\n")
		for _, parameter := range parameters {
			parameter = p.resolve(parameter)
			p.w("<dt><code>", html.EscapeString(parameter.get("name").text()), "</code> <span class=\"hint\">", html.EscapeString(parameter.get("in").text()),
				demanded(parameter.get("required").text() == "true"), "</span></dt>\n<dd>", inline(parameter.get("description").text()), "</dd>\n")
		}
		p.w("</dl>\n")
	}
	if body := p.resolve(o.get("requestBody")); body.Node != nil {
		p.w("<h3>Request</h3>\n")
		p.content(body.get("content"))
	}
	for _, r := range o.get("responses").members() {
		p.response(r.name, p.resolve(r.value))
	}
	p.w("</details>\n")
}

// demanded returns the suffix that marks a required member.
func demanded(is bool) string {
	if is {
		return ", required"
	}
	return ""
}

// credentials writes which credentials an operation accepts. Any one of them is enough.
func (p *docsPage) credentials(list []node) {
	var names []string
	optional := len(list) == 0
	for _, one := range list {
		members := one.members()
		optional = optional || len(members) == 0
		for _, m := range members {
			names = append(names, `<a href="#credentials-`+html.EscapeString(m.name)+`"><code>`+html.EscapeString(m.name)+"</code></a>")
		}
	}
	switch {
	case len(names) == 0:
		p.w("<p>No credentials are required.</p>\n")
	case optional:
		p.w("<p>Optional credentials: ", strings.Join(names, ", "), ".</p>\n")
	default:
		p.w("<p>Requires one of: ", strings.Join(names, ", "), ".</p>\n")
	}
}

func (p *docsPage) response(status string, r node) {
	class := ""
	if status >= "4" {
		class = ` class="bad"`
	}
	p.w("<h3", class, ">", html.EscapeString(status), "</h3>\n")
	p.prose(r.get("description").text())
	var headers []string
	for _, h := range r.get("headers").members() {
		headers = append(headers, "<code>"+html.EscapeString(h.name)+"</code>")
	}
	if len(headers) > 0 {
		p.w("<p class=\"hint\">Headers: ", strings.Join(headers, ", "), "</p>\n")
	}
	if status < "4" {
		p.content(r.get("content"))
		return
	}
	for _, m := range r.get("content").members() { // the format of errors is described once
		p.examples(m.value)
	}
}

// content writes the possible bodies of a request or a response.
func (p *docsPage) content(content node) {
	for _, m := range content.members() {
		p.w("<p class=\"hint\"><code>", html.EscapeString(m.name), "</code></p>\n")
		p.schema(p.resolve(m.value.get("schema")))
		p.examples(m.value)
	}
}

// schema lists the members of an object and of the objects nested in it.
func (p *docsPage) schema(schema node) {
	for _, one := range schema.get("oneOf").items() {
		p.schema(p.resolve(one))
	}
	members := schema.get("properties").members()
	if len(members) == 0 {
		return
	}
	required := schema.get("required").items()
	p.w("<dl class=\"list\">\n")
	for _, m := range members {
		of := p.resolve(m.value)
		must := slices.ContainsFunc(required, func(n node) bool { return n.text() == m.name })
		p.w("<dt><code>", html.EscapeString(m.name), "</code> <span class=\"hint\">", html.EscapeString(p.kind(of)), demanded(must), "</span></dt>\n<dd>",
			inline(of.get("description").text()))
		if enum := of.get("enum").words(); enum != "" {
			p.w(" <span class=\"hint\">One of: ", html.EscapeString(enum), "</span>")
		}
		p.schema(of)
		p.schema(p.resolve(of.get("items")))
		p.w("</dd>\n")
	}
	p.w("</dl>\n")
}

// kind returns the type of a value in words.
func (p *docsPage) kind(schema node) string {
	text := schema.get("type").words()
	if format := schema.get("format").text(); format != "" {
		text += ", " + format
	}
	if items := p.resolve(schema.get("items")); items.Node != nil {
		text += " of " + p.kind(items)
	}
	return text
}

func (p *docsPage) examples(media node) {
	p.example("", media.get("example"))
	for _, m := range media.get("examples").members() {
		p.example(m.value.get("summary").text(), m.value.get("value"))
	}
}

func (p *docsPage) example(title string, n node) {
	if n.Node == nil {
		return
	}
	if title != "" {
		p.w("<p class=\"hint\">", html.EscapeString(title), ":</p>\n")
	}
	p.w("<pre>", html.EscapeString(indented(n, "")), "</pre>\n")
}

// indented returns an example as JSON. The members keep the order of the document.
func indented(n node, indent string) string {
	deeper := indent + "  "
	var lines []string
	for _, m := range n.members() {
		lines = append(lines, deeper+quote(m.name)+": "+indented(m.value, deeper))
	}
	for _, item := range n.items() {
		lines = append(lines, deeper+indented(item, deeper))
	}
	open, end := "{", "}"
	if n.Kind == yaml.SequenceNode {
		open, end = "[", "]"
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str":
		return quote(n.Value)
	case n.Kind == yaml.ScalarNode:
		return n.Value
	case len(lines) == 0:
		return open + end
	}
	return open + "\n" + strings.Join(lines, ",\n") + "\n" + indent + end
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string can always be encoded
	return string(b)
}
