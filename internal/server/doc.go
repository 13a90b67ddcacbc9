// Package server answers HTTP requests on a listener. It limits how slow a connection may be,
// refuses a request whose length is ambiguous, and stops without dropping a request.
package server
