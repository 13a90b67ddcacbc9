// Package hostname compares host names. It returns each name in the form that browsers, mail
// servers and certificates use, in whatever form a person typed it. It does not resolve names.
package hostname
