package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// listed is a package as go list describes it.
type listed struct {
	Dir, ImportPath, Export string
	GoFiles                 []string
	ImportMap               map[string]string
	DepOnly                 bool
	Error                   *struct{ Err string }

	exports map[string]string // of every package listed
}

// load lists the packages of the patterns. The go command compiles what they import, and
// the type checker reads that instead of sources: this takes seconds, not minutes.
func load(dir, tags string, patterns []string) ([]*listed, error) {
	args := []string{"list", "-e", "-export", "-deps", "-tags", tags, "-json=Dir,ImportPath,Export,GoFiles,ImportMap,DepOnly,Error", "--"}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run go list: %w", err)
	}
	exports := map[string]string{}
	var packages []*listed
	for decoder := json.NewDecoder(out); ; {
		p := &listed{exports: exports}
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, errors.Join(fmt.Errorf("read the output of go list: %w", err), cmd.Wait())
		}
		exports[p.ImportPath] = p.Export
		if p.DepOnly {
			continue
		}
		if p.Error != nil && len(p.GoFiles) > 0 {
			return nil, fmt.Errorf("load %s: %s", p.ImportPath, p.Error.Err)
		}
		if len(p.GoFiles) > 0 { // else it has only tests
			packages = append(packages, p)
		}
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("run go list: %w", err)
	}
	if len(packages) == 0 {
		return nil, fmt.Errorf("no package matches %q", patterns)
	}
	slices.SortFunc(packages, func(a, b *listed) int {
		if a.ImportPath < b.ImportPath {
			return -1
		}
		return 1
	})
	return packages, nil
}

// knot returns the names of the files in the largest knot of the package, sorted. A
// package without mutual use has a knot of one file.
func (p *listed) knot() ([]string, error) {
	uses, err := p.uses()
	if err != nil {
		return nil, err
	}
	var largest []string
	for _, knot := range components(uses) {
		if len(knot) > len(largest) {
			largest = knot
		}
	}
	return largest, nil
}

// uses returns, for each file, the other files of the package of which it uses a
// declaration.
func (p *listed) uses() (map[string][]string, error) {
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	read := func(path string) (io.ReadCloser, error) {
		if mapped, ok := p.ImportMap[path]; ok {
			path = mapped
		}
		if p.exports[path] == "" {
			return nil, fmt.Errorf("go list compiled no %s", path)
		}
		return os.Open(p.exports[path])
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.ForCompiler(set, "gc", read)}
	checked, err := conf.Check(p.ImportPath, set, files, info)
	if err != nil {
		return nil, fmt.Errorf("check the types of %s: %w", p.ImportPath, err)
	}

	name := func(pos token.Pos) string { return filepath.Base(set.Position(pos).Filename) }
	found := map[string]map[string]bool{}
	for _, file := range files {
		found[name(file.Package)] = map[string]bool{}
	}
	for id, object := range info.Uses {
		object = origin(object)
		if object.Pkg() == checked && declaredForAll(object) && name(id.Pos()) != name(object.Pos()) {
			found[name(id.Pos())][name(object.Pos())] = true
		}
	}
	uses := map[string][]string{}
	for from, to := range found {
		uses[from] = slices.Sorted(maps.Keys(to))
	}
	return uses, nil
}

// origin returns the declaration of which an object of a generic type is an instance.
func origin(o types.Object) types.Object {
	switch o := o.(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return o
}

// declaredForAll reports whether other files can use an object: it is declared at
// package level, or is a method or a field.
func declaredForAll(o types.Object) bool {
	if v, ok := o.(*types.Var); ok && v.IsField() {
		return true
	}
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		return true
	}
	return o.Parent() == o.Pkg().Scope()
}
