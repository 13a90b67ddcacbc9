package access_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestGuards_Dependencies lists everything that comes with them.
func TestGuards_Dependencies(t *testing.T) {
	for pkg, foreign := range map[string][]string{
		"latchkey/middleware/access": {"pgx", "go-redis", "sqlite", "gin-gonic", "viper", "cobra", "goose", "zxcvbn", "latchkey/repository/"},
		"latchkey/middleware":        {"pgx", "go-redis", "sqlite", "viper", "cobra", "goose", "latchkey/repository/"},
	} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		deps := strings.Fields(string(out))
		if len(deps) < 50 {
			t.Fatalf("only %d packages", len(deps))
		}
		for _, dep := range deps {
			for _, name := range foreign {
				if strings.Contains(dep, name) || dep == "database/sql" {
					t.Errorf("%s pulls in %s", pkg, dep)
				}
			}
		}
	}
}

// TestGuards_UsableFromAnotherModule builds and runs one that imports us by a replace.
func TestGuards_UsableFromAnotherModule(t *testing.T) {
	out, err := exec.Command("go", "-C", "testdata/resourceserver", "test", "./...").CombinedOutput()
	if err != nil {
		t.Errorf("%s", out)
	}
}
