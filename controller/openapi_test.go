package controller_test

import (
	"flag"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"latchkey/controller"
	"latchkey/controller/apidoc"
	"latchkey/internal/testserver"
	"latchkey/service"
)

// report logs what the scripts exercised, and fails the test for what they left out. If only
// some scripts ran, it does not fail.
func (c *coverage) report(t *testing.T) {
	all := operations(t)
	codes := map[string]bool{}
	for _, code := range service.Codes() {
		codes[string(code)] = c.errors[string(code)]
	}
	provoked, never := split(codes)
	for _, id := range all {
		c.operations[id] = c.operations[id] || false
	}
	exercised, missing := split(c.operations)
	t.Logf("openapi.yaml: %d requests and %d answers are as described; %d of %d operations; %d of %d errors (not %s)",
		c.requests, c.responses, len(exercised), len(all), len(provoked), len(codes), strings.Join(never, ", "))
	if f := flag.Lookup("test.run"); f != nil && strings.Contains(f.Value.String(), "/") {
		return
	}
	if len(missing) > 0 {
		t.Errorf("no script exercises %s", strings.Join(missing, ", "))
	}
}

// split returns the names that are true and the names that are false.
func split(m map[string]bool) (yes, no []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] {
			yes = append(yes, name)
		} else {
			no = append(no, name)
		}
	}
	return yes, no
}

// operations returns the IDs of all operations.
func operations(t *testing.T) (ids []string) {
	d := load("/api")
	must(t, d.err)
	for _, item := range d.doc.Paths.Map() {
		for _, o := range item.Operations() {
			ids = append(ids, o.OperationID)
		}
	}
	return ids
}

// TestDescription checks the description itself against the rules of OpenAPI, including
// examples.
func TestDescription(t *testing.T) {
	for _, base := range []string{"/api", "", "/auth/v1"} {
		d := load(base)
		must(t, d.err)
		if err := d.doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
			t.Errorf("base path %q: %v", base, err)
		}
		if base != "/api" && strings.Contains(apidoc.Description("", base), "/api/") {
			t.Errorf("base path %q: another one is left", base)
		}
	}
	d := load("/api")
	for path, item := range d.doc.Paths.Map() {
		for method, o := range item.Operations() {
			if o.Summary == "" || o.Description == "" || o.OperationID == "" || len(o.Tags) != 1 || d.doc.Tags.Get(o.Tags[0]) == nil || o.Security == nil {
				t.Errorf("%s %s has no summary, description, operationId, security or known tag", method, path)
			}
		}
	}
}

// TestOpenAPI_DescribesEveryRoute also checks that every described route exists.
func TestOpenAPI_DescribesEveryRoute(t *testing.T) {
	for _, base := range []string{"/api", "/auth/v1"} {
		i, err := start(t, testserver.Sets()[0].Open(t), newClock(), "server.base_path="+base)
		must(t, err)
		served, described := map[string]bool{}, map[string]bool{}
		for _, r := range controller.EngineOf(i.Handler()).Routes() {
			switch {
			case strings.HasPrefix(r.Path, "/demo"):
			case r.Method == http.MethodOptions: // CORS preflights
			case strings.HasPrefix(r.Path, "/oauth/") && r.Path != "/oauth/authorize" && r.Method != http.MethodPost: // answered with 405
			default:
				served[r.Method+" "+strings.NewReplacer(":id", "{id}", ":sid", "{sid}").Replace(r.Path)] = true
			}
		}
		for path, item := range load(base).doc.Paths.Map() {
			for method := range item.Operations() {
				described[method+" "+path] = true
			}
		}
		for route := range served {
			if !described[route] {
				t.Errorf("%s is not described", route)
			}
		}
		for route := range described {
			if !served[route] {
				t.Errorf("%s is described, and not served", route)
			}
		}
	}
}

// TestOpenAPI_DescribesEveryError also checks that every described error exists.
func TestOpenAPI_DescribesEveryError(t *testing.T) {
	described := map[string]bool{}
	for _, name := range load("/api").doc.Components.Schemas["ErrorCode"].Value.Enum {
		described[name.(string)] = true
	}
	for _, code := range service.Codes() {
		if !described[string(code)] {
			t.Errorf("%s is not described", code)
		}
		delete(described, string(code))
	}
	for name := range described {
		t.Errorf("%s is described, and there is no such error", name)
	}
}
