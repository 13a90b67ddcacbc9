package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"latchkey/internal/testserver"
	"latchkey/tools/mutants/testout"
)

const (
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

// suite is a test program and what to run of it.
type suite struct{ dir, run string }

// limits are the timeouts of the suites. A run that reaches it counts as noticed.
type limits map[suite]time.Duration

// program is the path of the compiled tests of a directory.
func (s suite) program(tree string) string {
	return filepath.Join(tree, strings.ReplaceAll(s.dir, "/", "-")+".test")
}

// servers starts one Postgres and one Redis for all runs.
func servers() (env []string, stop func(), err error) {
	pg, err := testserver.NewPostgres()
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
