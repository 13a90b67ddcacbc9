package access_test

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestGuards_ThirdPartyModules lists the modules that come with the guards, and what must not.
func TestGuards_ThirdPartyModules(t *testing.T) {
	for folder, want := range map[string][]string{
		".":  {"github.com/golang-jwt/jwt/v5", "github.com/google/uuid"},
		"..": nil, // Gin brings many
	} {
		out, err := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{.Module.Path}} {{.ImportPath}} {{.Module.Main}}{{else}}std {{.ImportPath}} false{{end}}", folder).Output()
		if err != nil {
			t.Fatal(err)
		}
		modules := map[string]bool{}
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			module, pkg, ours := f[0], f[1], f[2] == "true"
			switch {
			case pkg == "database/sql", strings.Contains(pkg, "/repository/"),
				strings.Contains(pkg, "pgx"), strings.Contains(pkg, "go-redis"), strings.Contains(pkg, "viper"):
				t.Errorf("%s imports %s", folder, pkg)
			case module != "std" && !ours:
				modules[module] = true
			}
		}
		if got := slices.Sorted(maps.Keys(modules)); want != nil && !slices.Equal(got, want) {
			t.Errorf("third-party modules %v, want %v", got, want)
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
