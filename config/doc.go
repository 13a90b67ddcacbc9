// Package config is the one place that reads settings: defaults, then a file in
// YAML or TOML, then the environment. A setting's variable is LATCHKEY_ and its
// key in capitals with underscores: database.url is LATCHKEY_DATABASE_URL.
//
// Only cmd imports it; every other package is handed the values that it needs.
package config
