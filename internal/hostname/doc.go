// Package hostname compares host names: the one form that it returns is that of
// browsers, mail servers and certificates, whatever form a person typed. It does not
// resolve names.
package hostname
