// Command resourceserver is an API that trusts a remote Latchkey.
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"latchkey/middleware/access"
)

func handler(verifier access.Verifier) (http.Handler, error) {
	guard, err := access.New(access.Options{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.RequireAccess(http.HandlerFunc(orders)))
	mux.Handle("DELETE /orders", guard.RequirePrivilege(2)(http.HandlerFunc(orders)))
	return mux, nil
}

func orders(w http.ResponseWriter, r *http.Request) {
	subject, _ := access.FromContext(r.Context())
	fmt.Fprintf(w, "orders of %s\n", subject.UserID)
}

func main() {
	h, err := handler(access.NewRemote(access.RemoteOptions{
		JWKSURL: "http://localhost:8080/.well-known/jwks.json",
		Issuer:  "http://localhost:8080", Audience: "latchkey",
	}))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:9000", Handler: h, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
