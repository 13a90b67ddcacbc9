package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"go.yaml.in/yaml/v3"
)

// settingsFile is the content of a settings file.
type settingsFile struct {
	name   string
	values map[string]any // sections of keys, in lower case
	lines  map[string]int // of each key, in the form server.listen
}

// where returns the position of a key in the file, or "" if the file does not contain it.
func (f settingsFile) where(key string) string {
	line, ok := f.lines[key]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s, line %d", filepath.Base(f.name), line)
}

// readSettingsFile reads a file in YAML or TOML, depending on the suffix of its name. Its
// errors name lines and never repeat the file, which may contain secrets.
func readSettingsFile(name string) (settingsFile, error) {
	f := settingsFile{name: name, values: map[string]any{}, lines: map[string]int{}}
	text, err := os.ReadFile(name)
	if err != nil {
		return f, fmt.Errorf("read the settings: %w", err)
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	switch strings.ToLower(filepath.Ext(name)) {
	case ".yaml", ".yml":
		err = f.readYAML(text)
	case ".toml":
		err = f.readTOML(text)
	default:
		err = errors.New("the name must end in .yaml or .toml")
	}
	if err != nil {
		return f, fmt.Errorf("the settings in %s: %w", name, err)
	}
	return f, nil
}

func (f *settingsFile) readYAML(text []byte) error {
	root, err := oneDocument(text)
	if err != nil {
		return err
	}
	if root == nil || root.Kind == yaml.ScalarNode && root.Tag == "!!null" { // empty, or only comments
		return nil
	}
	if root.Kind != yaml.MappingNode {
		return errors.New("write sections of keys, as in server: {listen: 127.0.0.1:8080}")
	}
	if err := f.linesOfYAML(root, ""); err != nil {
		return err
	}
	if values, ok := plain(root).(map[string]any); ok {
		f.values = values
	}
	return nil
}

// noAlias refuses an alias, because it may refer to itself or grow without bound.
func noAlias(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("write the value in place of an alias (line %d)", n.Line)
	}
	for _, item := range n.Content {
		if err := noAlias(item); err != nil {
			return err
		}
	}
	return nil
}

// plain returns the values below a YAML node, with scalars as they are written. How a number or
// a date is parsed depends on the reader (0777, 1.10), and each setting parses its own text.
func plain(n *yaml.Node) any {
	switch n.Kind { //nolint:exhaustive // the document node was unwrapped
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, plain(item))
		}
		return list
	}
	if n.Tag == "!!null" {
		return nil
	}
	return n.Value
}

// nameOf returns an unknown key in a form that is safe to print. If the key could be a secret
// that was written in its place, as in {secret:abc}, it returns only the position.
func nameOf(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return "a key"
}

var plainKey = regexp.MustCompile(`^[A-Za-z_]{1,40}(\.[A-Za-z_]{1,40}){0,2}$`)

// oneDocument reads the only document of a YAML text. It returns nil if the text is empty.
func oneDocument(text []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("not well-formed YAML%s", lineIn(err))
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the file has a second document%s; use one document", atLine(second.Line))
	}
	return document.Content[0], nil
}

// linesOfYAML records the line of each key below a mapping.
func (f *settingsFile) linesOfYAML(n *yaml.Node, prefix string) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode || name.Tag != "!!str" {
			return fmt.Errorf("a key is not text (line %d)", name.Line)
		}
		key := prefix + strings.ToLower(name.Value)
		if err := noAlias(value); err != nil {
			return err
		}
		if f.lines[key] != 0 {
			return fmt.Errorf("%s appears twice (lines %d and %d)", nameOf(key), f.lines[key], name.Line)
		}
		f.lines[key] = name.Line
		if value.Kind == yaml.MappingNode {
			if err := f.linesOfYAML(value, key+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *settingsFile) readTOML(text []byte) error {
	var p unstable.Parser
	p.Reset(text)
	section, twice := "", ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind { //nolint:exhaustive // settings use no other kinds
		case unstable.Table, unstable.ArrayTable:
			section = f.lineOfTOML(&p, e.Key(), "", &twice) + "."
		case unstable.KeyValue:
			f.linesOfTOML(&p, e, section, &twice)
		}
	}
	if err := toml.Unmarshal(text, &f.values); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ := at.Position()
			return fmt.Errorf("not well-formed TOML%s", atLine(line))
		}
		if twice != "" { // the most probable cause of an error without a position
			return errors.New(twice)
		}
		return errors.New("not well-formed TOML")
	}
	return nil
}

// linesOfTOML records the line of a key, and of the keys in an inline table.
func (f *settingsFile) linesOfTOML(p *unstable.Parser, e *unstable.Node, prefix string, twice *string) {
	key := f.lineOfTOML(p, e.Key(), prefix, twice)
	if value := e.Value(); value.Kind == unstable.InlineTable {
		for it := value.Children(); it.Next(); {
			f.linesOfTOML(p, it.Node(), key+".", twice)
		}
	}
}

// lineOfTOML records the line of a key and of the sections in it. If the key has a line already,
// it stores that in twice: some keys may appear again, and the decoder decides.
func (f *settingsFile) lineOfTOML(p *unstable.Parser, parts unstable.Iterator, prefix string, twice *string) string {
	var names []string
	line := 0
	for parts.Next() {
		names = append(names, strings.ToLower(string(parts.Node().Data)))
		line = p.Shape(parts.Node().Raw).Start.Line
	}
	key := prefix + strings.Join(names, ".")
	if before := f.lines[key]; before != 0 {
		*twice = fmt.Sprintf("%s appears twice (lines %d and %d)", nameOf(key), before, line)
	}
	for i := range names { // a dotted key starts all sections before it
		if key := prefix + strings.Join(names[:i+1], "."); f.lines[key] == 0 {
			f.lines[key] = line
		}
	}
	return key
}

// lineIn returns the line that a YAML error names. The rest of the error may repeat the file.
func lineIn(err error) string {
	var line int
	if i := strings.Index(err.Error(), "line "); i >= 0 {
		_, _ = fmt.Sscanf(err.Error()[i:], "line %d", &line) // otherwise there is no line
	}
	return atLine(line)
}

func atLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", line)
}
