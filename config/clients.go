package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"go.yaml.in/yaml/v3"
)

// Client is an OAuth client in the file of oauth.clients_file.
type Client struct {
	ID           string        `mapstructure:"id"`
	Name         string        `mapstructure:"name"`
	Public       bool          `mapstructure:"public"`
	FirstParty   bool          `mapstructure:"first_party"`
	Disabled     bool          `mapstructure:"disabled"`
	PKCEOptional bool          `mapstructure:"pkce_optional"`
	Grants       []string      `mapstructure:"grants"`
	Scopes       []string      `mapstructure:"scopes"`
	RedirectURIs []string      `mapstructure:"redirect_uris"`
	Audiences    []string      `mapstructure:"audiences"`
	Secret       Secret        `mapstructure:"secret"`
	SecretFile   string        `mapstructure:"secret_file"`
	AccessTTL    time.Duration `mapstructure:"access_ttl"`
	IdleTTL      time.Duration `mapstructure:"idle_ttl"`
	AbsoluteTTL  time.Duration `mapstructure:"absolute_ttl"`
}

// LoadClients reads a file of OAuth clients: a list below the key clients, in YAML (or JSON). A
// relative secret_file is relative to the directory of the file. Its errors name lines and
// never repeat a value.
func LoadClients(name string) ([]Client, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the clients: %w", err)
	}
	root, err := oneDocument(text)
	if err != nil {
		return nil, fmt.Errorf("the clients in %s: %w", name, err)
	}
	if root == nil || root.Kind != yaml.MappingNode || len(root.Content) != 2 || root.Content[0].Value != "clients" || root.Content[1].Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("the clients in %s: write one list under the key clients", name)
	}
	if err := noAlias(root); err != nil {
		return nil, fmt.Errorf("the clients in %s: %w", name, err)
	}
	p := &problems{bad: map[string]bool{}}
	clients := make([]Client, len(root.Content[1].Content))
	for i, n := range root.Content[1].Content {
		readClient(name, fmt.Sprintf("clients[%d]", i), n, &clients[i], p)
	}
	return clients, p.err()
}

func readClient(file, at string, n *yaml.Node, c *Client, p *problems) {
	where := func(n *yaml.Node) string { return fmt.Sprintf("%s, line %d", filepath.Base(file), n.Line) }
	if n.Kind != yaml.MappingNode {
		p.unread(where(n), at, "write a client as keys and values, as in id: shop")
		return
	}
	fields := map[string]reflect.Value{}
	for i := range reflect.TypeFor[Client]().NumField() {
		fields[reflect.TypeFor[Client]().Field(i).Tag.Get("mapstructure")] = reflect.ValueOf(c).Elem().Field(i)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := at + "." + nameOf(name.Value)
		field, known := fields[name.Value]
		switch {
		case !known:
			p.unread(where(name), key, "is not a key of a client")
			continue
		case seen[name.Value]:
			p.unread(where(name), key, "appears twice")
			continue
		}
		seen[name.Value] = true
		for _, problem := range decodeField(plain(value), field) {
			p.unread(where(name), key, "%s", problem)
		}
	}
	if c.SecretFile == "" {
		return
	}
	if !c.Secret.Empty() {
		p.unread(where(n), at+".secret_file", "cannot be combined with secret: use one of them")
		return
	}
	path := c.SecretFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		p.unread(where(n), at+".secret_file", "cannot be read: %s", err)
		return
	}
	secret, err := unwrap(string(text))
	if err == nil && secret == "" {
		err = hint("the file is empty")
	}
	if err != nil {
		p.unread(where(n), at+".secret_file", "%s", err)
		return
	}
	c.Secret = NewSecret(secret)
}
