// Package controller is the HTTP side: routes, bodies, cookies. A handler decodes, calls one
// method of a service, and responds. It contains no business rule.
//
// router.go shows every route on one screen. Each handler is a function from a call and a
// decoded body to a reply or an error; handle.go runs it and writes the response once. Wire
// types are next to the handler that uses them.
package controller
