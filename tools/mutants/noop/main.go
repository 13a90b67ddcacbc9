// Noop replaces each method of each backend that implements the contract by one that
// does nothing and returns zero values, one at a time, and demands that the tests
// notice. Run it from the root of the tree:
//
//	go run ./tools/mutants/noop          every method
//	go run ./tools/mutants/noop 'Purge'  those whose name matches
//
// It works on a copy of the last commit. The copy is compiled once: a variable of the
// environment selects the method that does nothing.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey/internal/testserver"
	"latchkey/tools/mutants/testout"
)

const (
	// variable names the method that does nothing, as in "sqlite.PurgeLimits".
	variable = "LATCHKEY_NOOP"
	// atOnce is how many runs there are at a time.
	atOnce = 2
	// A run hangs if it takes longer than shortest and longer than patience times the same
	// suite without a no-op. A suite that is slow on a busy machine has noticed nothing.
	shortest = 60 * time.Second
	patience = 8
	// attempts is how often a suite runs until the same test fails twice.
	attempts = 4
)

// suites are the test programs that must notice a no-op of a backend, in this order.
var suites = map[string][]suite{
	"postgres": {{"internal/storetest", "TestConformance/PostgresRedis"}},
	"redis":    {{"internal/storetest", "TestConformance/PostgresRedis"}},
	// The tests of the package cover what no caller of the contract can see.
	"sqlite": {{"internal/storetest", "TestConformance/SQLite"}, {"repository/sqlite", "."}},
}

// equivalent are the methods that may do nothing, and why. The program reports one as
// equivalent only if its body does nothing.
var equivalent = map[string]string{
	"redis.PurgeLimits":   "keys expire by themselves",
	"redis.PurgeSessions": "keys expire by themselves",
}

// suite is a test program and what to run of it.
type suite struct{ dir, run string }

// limits are the timeouts of the suites. A run that reaches it counts as noticed.
type limits map[suite]time.Duration

// program is the path of the compiled tests of a directory.
func (s suite) program(tree string) string {
	return filepath.Join(tree, strings.ReplaceAll(s.dir, "/", "-")+".test")
}

// method is a method of a backend that implements an interface of the contract.
type method struct {
	backend, name string
	idle          bool // its body does nothing
}

func (m method) String() string { return m.backend + "." + m.name }

func main() {
	wanted, err := regexp.Compile(strings.Join(os.Args[1:], "|"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	survived, err := run(wanted)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || survived > 0 {
		os.Exit(1)
	}
}

func run(wanted *regexp.Regexp) (survived int, err error) {
	tree, err := os.MkdirTemp("", "latchkey-noop-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(tree) }()
	if out, err := exec.Command("git", "clone", "-q", ".", tree).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("clone the tree: %s", out)
	}
	methods, err := prepare(tree)
	if err != nil {
		return 0, err
	}
	methods = slices.DeleteFunc(methods, func(m method) bool { return !wanted.MatchString(m.String()) })
	env, stop, err := servers()
	if err != nil {
		return 0, err
	}
	defer stop()
	limits, err := build(tree, env)
	if err != nil {
		return 0, err
	}

	var noticed, same int
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, m := range methods {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			var by string
			var failed error
			if !m.idle {
				by, failed = notice(tree, env, limits, m)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case failed != nil:
				err = errors.Join(err, failed)
			case m.idle && equivalent[m.String()] != "":
				same++
				fmt.Printf("equivalent  %s: %s\n", m, equivalent[m.String()])
			case by != "":
				noticed++
				fmt.Printf("noticed     %s: %s\n", m, by)
			default:
				survived++
				fmt.Printf("SURVIVED    %s\n", m)
			}
		})
	}
	all.Wait()
	fmt.Printf("%d methods, %d noticed, %d equivalent, %d survived\n", len(methods), noticed, same, survived)
	return survived, err
}

// prepare finds the methods of all backends and adds to each the statement that turns
// it into a no-op.
func prepare(tree string) ([]method, error) {
	contract, err := interfaces(filepath.Join(tree, "repository"))
	if err != nil {
		return nil, err
	}
	var methods []method
	for _, backend := range slices.Sorted(maps.Keys(suites)) {
		dir := filepath.Join(tree, "repository", backend)
		found, err := instrument(dir, backend, contract)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s implements no interface of the contract", backend)
		}
		methods = append(methods, found...)
		selector := fmt.Sprintf("package %s\n\nimport \"os\"\n\nvar selectedNoop = os.Getenv(%q)\n", backend, variable)
		if err := os.WriteFile(filepath.Join(dir, "noop.go"), []byte(selector), 0o600); err != nil {
			return nil, err
		}
	}
	return methods, nil
}

// interfaces returns the names of the methods of each interface that a package
// declares.
func interfaces(dir string) (map[string][]string, error) {
	found := map[string][]string{}
	err := eachFile(dir, func(_ string, _ []byte, _ *token.FileSet, file *ast.File) error {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if i, ok := spec.Type.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						found[spec.Name.Name] = append(found[spec.Name.Name], name.Name)
					}
				}
			}
			return false
		})
		return nil
	})
	return found, err
}

// instrument puts a statement at the start of each method of *DB that belongs to an
// interface of which *DB has every method. It returns those methods.
func instrument(dir, backend string, contract map[string][]string) ([]method, error) {
	own := map[string]bool{}
	err := eachFile(dir, func(_ string, _ []byte, _ *token.FileSet, file *ast.File) error {
		for _, f := range methodsOfDB(file) {
			own[f.Name.Name] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	implemented := map[string]bool{}
	for _, names := range contract {
		if !slices.ContainsFunc(names, func(name string) bool { return !own[name] }) {
			for _, name := range names {
				implemented[name] = true
			}
		}
	}
	var methods []method
	err = eachFile(dir, func(path string, text []byte, files *token.FileSet, file *ast.File) error {
		list := methodsOfDB(file)
		slices.Reverse(list) // so that the offsets of the others stay right
		for _, f := range list {
			if !implemented[f.Name.Name] {
				continue
			}
			m := method{backend: backend, name: f.Name.Name, idle: isIdle(f.Body)}
			methods = append(methods, m)
			offset := func(p token.Pos) int { return files.Position(p).Offset }
			var zeros []string
			for _, r := range f.Type.Results.List {
				zero := fmt.Sprintf("*new(%s)", text[offset(r.Type.Pos()):offset(r.Type.End())])
				zeros = append(zeros, slices.Repeat([]string{zero}, max(1, len(r.Names)))...)
			}
			noop := fmt.Sprintf("\n\tif selectedNoop == %q {\n\t\treturn %s\n\t}\n", m, strings.Join(zeros, ", "))
			text = slices.Insert(text, offset(f.Body.Lbrace)+1, []byte(noop)...)
		}
		return os.WriteFile(path, text, 0o600)
	})
	slices.SortFunc(methods, func(a, b method) int { return strings.Compare(a.name, b.name) })
	return methods, err
}

// eachFile calls f for each Go file of a directory that is no test.
func eachFile(dir string, f func(path string, text []byte, files *token.FileSet, file *ast.File) error) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return fmt.Errorf("read %s: %w", dir, fs.ErrNotExist)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if err := f(path, text, files, file); err != nil {
			return err
		}
	}
	return nil
}

// methodsOfDB returns the exported methods of *DB, in the order of the file.
func methodsOfDB(file *ast.File) []*ast.FuncDecl {
	var list []*ast.FuncDecl
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || !f.Name.IsExported() {
			continue
		}
		if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
			if t, ok := star.X.(*ast.Ident); ok && t.Name == "DB" {
				list = append(list, f)
			}
		}
	}
	return list
}

// isIdle reports whether a body does nothing but return zero values.
func isIdle(body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return len(body.List) == 0
	}
	r, ok := body.List[0].(*ast.ReturnStmt)
	return ok && !slices.ContainsFunc(r.Results, func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name != "nil" && e.Name != "false"
		case *ast.BasicLit:
			return e.Value != "0" && e.Value != `""`
		case *ast.CompositeLit:
			return len(e.Elts) > 0
		}
		return true
	})
}

// servers starts one Postgres and one Redis for all runs.
func servers() (env []string, stop func(), err error) {
	pg, err := testserver.NewPostgres("off")
	if err != nil {
		return nil, nil, fmt.Errorf("start Postgres: %w", err)
	}
	rd, err := testserver.NewRedis()
	if err != nil {
		pg.Remove()
		return nil, nil, fmt.Errorf("start Redis: %w", err)
	}
	env = append(os.Environ(), "CI=true", "LATCHKEY_TEST_POSTGRES_URL="+pg.URL, "LATCHKEY_TEST_REDIS_URL="+rd.URL, variable+"=")
	return env, func() { rd.Remove(); pg.Remove() }, nil
}

// build compiles each suite once and runs it without a no-op: it must pass.
func build(tree string, env []string) (limits, error) {
	found := limits{}
	for _, backend := range slices.Sorted(maps.Keys(suites)) {
		for _, s := range suites[backend] {
			if found[s] != 0 {
				continue
			}
			if _, err := os.Stat(s.program(tree)); err != nil {
				cmd := exec.Command("go", "test", "-c", "-tags", "nomsgpack,grpcnotrace", "-o", s.program(tree), "./"+s.dir)
				cmd.Dir = tree
				if out, err := cmd.CombinedOutput(); err != nil {
					return nil, fmt.Errorf("compile %s: %s", s.dir, out)
				}
			}
			begin := time.Now()
			out, failed, err := s.test(tree, env, 10*time.Minute)
			if err != nil {
				return nil, err
			}
			if failed {
				return nil, fmt.Errorf("%s fails without a no-op:\n%s", s.dir, out)
			}
			found[s] = max(shortest, patience*time.Since(begin))
		}
	}
	return found, nil
}

// notice returns the test that fails while a method does nothing, or "".
func notice(tree string, env []string, limits limits, m method) (by string, err error) {
	env = append(slices.Clip(env), variable+"="+m.String())
	for _, s := range suites[m.backend] {
		by, err := s.notice(tree, env, limits[s])
		if by != "" || err != nil {
			return by, err
		}
	}
	return "", nil
}

// notice returns a test of the suite that fails twice, or "" if the suite passes. A test
// that fails once only has noticed that the machine is busy.
func (s suite) notice(tree string, env []string, timeout time.Duration) (by string, err error) {
	for range attempts {
		out, failed, err := s.test(tree, env, timeout)
		if !failed || err != nil {
			return "", err
		}
		names := testout.Failures(out)
		if bytes.Contains(out, []byte("panic: test timed out")) || len(names) == 0 {
			return strings.Join(append([]string{"the test program hangs or ends"}, names...), " "), nil
		}
		for _, name := range names {
			_, again, err := suite{s.dir, testout.Pattern(name)}.test(tree, env, timeout)
			if err != nil {
				return "", err
			}
			if again {
				return name, nil
			}
		}
	}
	return "", fmt.Errorf("%s fails in another test each time: the machine is too busy", s.dir)
}

// test runs the suite and reports whether it failed. A run in which no test ran is an
// error.
func (s suite) test(tree string, env []string, timeout time.Duration) (out []byte, failed bool, err error) {
	// The test program ends itself at the timeout. The context is for one that cannot.
	ctx, cancel := context.WithTimeout(context.Background(), timeout+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program(tree), "-test.run", s.run, "-test.failfast", "-test.v", "-test.timeout", timeout.String())
	cmd.Dir = filepath.Join(tree, s.dir) // as go test does
	cmd.Env = env
	out, err = cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return out, true, nil
	case err != nil:
		return nil, false, fmt.Errorf("run %s: %w", s.dir, err)
	case !bytes.Contains(out, []byte("--- PASS: ")) || bytes.Contains(out, []byte("--- SKIP: ")):
		return nil, false, fmt.Errorf("run %s: a test was skipped, or none ran:\n%s", s.dir, out)
	}
	return out, false, nil
}
