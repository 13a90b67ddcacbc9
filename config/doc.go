// Package config is the only place that reads settings: defaults, then a file in YAML or TOML,
// then the environment. The variable of a setting is LATCHKEY_ and its key in capitals with
// underscores: database.url is LATCHKEY_DATABASE_URL.
//
// Only cmd, internal/app and the tests import it. Every other package gets the values that it
// needs.
package config
