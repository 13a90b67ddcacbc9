package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// method is a method of a backend that implements an interface of the contract.
type method struct {
	backend, name string
	idle          bool // its body does nothing
}

func (m method) String() string { return m.backend + "." + m.name }

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
