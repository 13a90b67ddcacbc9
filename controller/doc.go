// Package controller is the HTTP side: routes, bodies, cookies. A handler
// decodes, calls one method of a service, and answers; it holds no rule.
//
// router.go has every route on one screen. Each handler is a function from a
// call and a decoded body to a reply or an error; handle.go runs it and writes
// once. Wire types stand beside the handler that uses them.
package controller
