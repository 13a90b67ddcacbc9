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
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// variable names the method that does nothing, as in "sqlite.PurgeLimits".
	variable = "LATCHKEY_NOOP"
	// atOnce is how many runs there are at a time.
	atOnce = 2
)

// equivalent are the methods that may do nothing, and why. The program reports one as
// equivalent only if its body does nothing.
var equivalent = map[string]string{
	"redis.PurgeLimits":   "keys expire by themselves",
	"redis.PurgeSessions": "keys expire by themselves",
}

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
