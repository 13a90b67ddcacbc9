package check_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func TestTheDockerfileMakesASmallImageThatIsNotRoot(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"# syntax", "<<", "--link", "@sha256", "--start-interval"} {
		if strings.Contains(string(text), forbidden) {
			t.Errorf("%q does not build without a registry", forbidden)
		}
	}
	parsed, err := parser.Parse(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages, want one to build and one to run", len(stages))
	}
	last := stages[1]
	if !strings.Contains(last.BaseName, "distroless/static") || !strings.Contains(last.BaseName, "nonroot") {
		t.Errorf("it runs on %s", last.BaseName)
	}
	var user, health, entry string
	for _, c := range last.Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.HealthCheckCommand:
			health = strings.Join(c.Health.Test, " ")
		case *instructions.EntrypointCommand:
			entry = strings.Join(c.CmdLine, " ")
		}
	}
	if user != "65532:0" || health != "CMD /latchkey healthcheck" || entry != "/latchkey" {
		t.Errorf("user %q, health check %q, entry point %q", user, health, entry)
	}
}

// TestTheImageHasEveryPackageThatTheProgramNeeds compares what the Dockerfile copies, and
// what .dockerignore lets through, with the folders of the packages of the program.
func TestTheImageHasEveryPackageThatTheProgramNeeds(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	dockerfile, ignore := read("../../Dockerfile"), strings.Split(read("../../.dockerignore"), "\n")
	cmd := exec.Command("go", "list", "-deps", "-tags", "nomsgpack,grpcnotrace", "-f", "{{.ImportPath}}", "./cmd/latchkey")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		rest, ours := strings.CutPrefix(pkg, "latchkey/")
		if !ours {
			continue
		}
		folder, _, _ := strings.Cut(rest, "/")
		if !strings.Contains(dockerfile, "\nCOPY "+folder+" "+folder+"\n") {
			t.Errorf("the Dockerfile does not copy %s, which has %s", folder, pkg)
		}
		if !slices.Contains(ignore, "!"+folder) {
			t.Errorf(".dockerignore hides %s, which has %s", folder, pkg)
		}
	}
}

func TestTheComposeFileHasNoDefaultSecret(t *testing.T) {
	if _, err := load(t, nil); err == nil || !strings.Contains(err.Error(), "set ") {
		t.Errorf("without secrets: %v", err)
	}
	project, err := load(t, types.Mapping{"LATCHKEY_TOKENS_SECRET": "s", "POSTGRES_PASSWORD": "p"})
	if err != nil {
		t.Fatal(err)
	}
	if names := project.ServiceNames(); !slices.Equal(names, []string{"latchkey", "postgres", "proxy", "redis"}) {
		t.Errorf("services %v", names)
	}
	for name, s := range project.Services {
		if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may gain privileges", name)
		}
		if ours := name == "latchkey" || name == "proxy"; ours && (!s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"})) {
			t.Errorf("%s may write its files, or has capabilities", name)
		}
		if name != "proxy" && len(s.Ports) > 0 {
			t.Errorf("%s publishes a port, of which there is one however many replicas there are", name)
		}
		switch name {
		case "proxy":
			continue
		case "latchkey":
			for _, on := range []string{"postgres", "redis"} {
				if s.DependsOn[on].Condition != types.ServiceConditionHealthy {
					t.Errorf("latchkey does not wait until %s is healthy", on)
				}
			}
			continue
		}
		if s.HealthCheck == nil || len(s.Volumes) == 0 {
			t.Errorf("%s has no health check, or no volume", name)
		}
	}
	command := strings.Join(project.Services["redis"].Command, " ")
	if !strings.Contains(command, "--appendonly yes") || !strings.Contains(command, "--maxmemory-policy noeviction") {
		t.Errorf("redis may lose sessions: %s", command)
	}
}

func load(t *testing.T, env types.Mapping) (*types.Project, error) {
	t.Helper()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: "../..", Environment: env,
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: text}},
	}, func(o *loader.Options) { o.SetProjectName("latchkey", true) })
}
