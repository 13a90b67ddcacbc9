package config

import (
	"bytes"
	"cmp"
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

// ClientCheck finds problems that this package cannot find, and reports each with the index of the
// client and the name of its key. It may find a key that could not be read; its report is then
// ignored.
type ClientCheck func(list []Client, report func(i int, key, problem string))

// LoadClients reads a file of OAuth clients: a list below the key clients, in YAML (or JSON). A
// relative secret_file is relative to the directory of the file. It reports all problems at once,
// also the problems that the checks find, with their lines, and never repeats a secret.
func LoadClients(name string, checks ...ClientCheck) ([]Client, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the clients: %w", err)
	}
	root, err := oneDocument(bytes.TrimPrefix(text, []byte("\uFEFF")))
	if err != nil {
		return nil, fmt.Errorf("the clients in %s: %w", name, err)
	}
	if root == nil || root.Kind != yaml.MappingNode || len(root.Content) != 2 || root.Content[0].Value != "clients" || root.Content[1].Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("the clients in %s: write one list under the key clients", name)
	}
	if err := noAlias(root); err != nil {
		return nil, fmt.Errorf("the clients in %s: %w", name, err)
	}
	p := &problems{where: map[string]string{}, bad: map[string]bool{}}
	clients := make([]Client, len(root.Content[1].Content))
	for i, n := range root.Content[1].Content {
		readClient(name, clientKey(i), n, &clients[i], p)
	}
	for _, check := range checks {
		check(clients, func(i int, key, problem string) {
			at := clientKey(i)
			if p.bad[at] {
				return
			}
			key = at + "." + key
			p.where[key] = cmp.Or(p.where[key], p.where[at]) // a missing key has the line of its client
			p.add(key, "%s", problem)
		})
	}
	return clients, p.err()
}

func clientKey(i int) string { return fmt.Sprintf("clients[%d]", i) }

func readClient(file, at string, n *yaml.Node, c *Client, p *problems) {
	where := func(n *yaml.Node) string { return fmt.Sprintf("%s, line %d", filepath.Base(file), n.Line) }
	p.where[at] = where(n)
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
		p.where[key] = where(name)
		for _, problem := range decodeField(plain(value), field) {
			p.unread(where(name), key, "%s", problem)
		}
	}
	if p.bad[at+".public"] { // whether the client needs a secret is unknown
		p.bad[at+".secret"] = true
	}
	if c.SecretFile != "" {
		readSecretOf(file, at, c, p)
	}
}

// readSecretOf reads the secret_file of a client.
func readSecretOf(file, at string, c *Client, p *problems) {
	key := at + ".secret_file"
	wrong := func(format string, args ...any) {
		p.unread(p.where[key], key, format, args...)
		p.bad[at+".secret"] = true // it is not missing
	}
	if !c.Secret.Empty() {
		wrong("cannot be combined with secret: use one of them")
		return
	}
	path := c.SecretFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		wrong("cannot be read: %s", err)
		return
	}
	if c.Secret, err = ParseSecret(string(text)); err != nil {
		wrong("%s", err)
	}
	p.where[at+".secret"] = p.where[key]
}
