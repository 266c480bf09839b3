package test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxLines bounds a file that people write.
const maxLines = 400

// source is one Go file of the repository.
type source struct {
	path string
	data []byte
	file *ast.File
	fset *token.FileSet
}

// sources returns all Go files that people write.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s := source{path: strings.TrimPrefix(path, root+"/"), data: data, fset: token.NewFileSet()}
		if s.file, err = parser.ParseFile(s.fset, path, data, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return err
		}
		if !ast.IsGenerated(s.file) {
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found %d files", len(all))
	}
	return all
}

func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func TestHouseRules(t *testing.T) {
	for _, s := range sources(t) {
		for _, broken := range houseRules(&s) {
			t.Errorf("%s: %s", s.path, broken)
		}
	}
}

// houseRules lists what is wrong with a file.
func houseRules(s *source) (broken []string) {
	if n := bytes.Count(s.data, []byte("\n")); n > maxLines && !s.test() {
		broken = append(broken, "longer than 400 lines: split it")
	}
	if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, s.file.Name.Name) {
		broken = append(broken, "package "+s.file.Name.Name+": name it after what it is about")
	}
	for _, decl := range s.file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			broken = append(broken, "func init: nothing happens at import time")
		}
	}
	// sdk.Serve is the main function of every external, third parties' too.
	if s.test() || s.file.Name.Name == "main" || s.path == "plugins/sdk/serve.go" {
		return broken
	}
	for _, call := range outside(s.file) {
		broken = append(broken, call+": main alone reads the environment and exits")
	}
	return broken
}

// outside lists the calls only a main may make.
func outside(file *ast.File) (calls []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "os" && slices.Contains([]string{"Exit", "Getenv", "LookupEnv", "Setenv"}, sel.Sel.Name) {
			calls = append(calls, "os."+sel.Sel.Name)
		}
		return true
	})
	return calls
}

// TestHouseRulesFindThings: each rule on a file that breaks it.
func TestHouseRulesFindThings(t *testing.T) {
	tests := []struct{ name, path, code, want string }{
		{"init", "a.go", "package a\nfunc init() {}\n", "func init"},
		{"init as a method is fine", "a.go", "package a\ntype T int\nfunc (T) init() {}\n", ""},
		{"long", "a.go", "package a\n" + strings.Repeat("\n", 400), "400 lines"},
		{"long test is fine", "a_test.go", "package a\n" + strings.Repeat("\n", 400), ""},
		{"utils", "a.go", "package utils\n", "package utils"},
		{"exit", "a.go", "package a\nimport \"os\"\nfunc f() { os.Exit(1) }\n", "os.Exit"},
		{"environment", "a.go", "package a\nimport \"os\"\nvar f = os.Getenv\n", "os.Getenv"},
		{"exit in main is fine", "a.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := source{path: tt.path, data: []byte(tt.code), fset: token.NewFileSet()}
			var err error
			if s.file, err = parser.ParseFile(s.fset, s.path, s.data, parser.SkipObjectResolution); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(houseRules(&s), "; ")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestPackageDocs: one comment per package says what it is for.
func TestPackageDocs(t *testing.T) {
	docs := map[string][]string{}
	for _, s := range sources(t) {
		dir := filepath.Dir(s.path)
		if s.test() || dir == "." {
			continue
		}
		if _, seen := docs[dir]; !seen {
			docs[dir] = nil
		}
		if s.file.Doc != nil {
			docs[dir] = append(docs[dir], filepath.Base(s.path))
		}
	}
	for dir, files := range docs {
		if len(files) != 1 {
			t.Errorf("%s: package comments in %v, want exactly one", dir, files)
		}
	}
}
