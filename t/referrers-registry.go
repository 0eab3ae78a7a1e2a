// SPDX-License-Identifier: Apache-2.0

// A registry in memory that has the referrers API, for the end-to-end tests:
// referrers-registry HOST:PORT. It logs each request, and the status of errors, but not
// signpost's health checks.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func main() {
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	inner := registry.New(registry.WithReferrersSupport(true), quiet)
	log.Fatal(http.ListenAndServe(os.Args[1],
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := &answer{w, http.StatusOK}
			inner.ServeHTTP(a, r)
			if strings.Contains(r.UserAgent(), "(health check)") {
				return
			}
			if a.status >= 400 {
				log.Printf("%s %s %d error", r.Method, r.URL, a.status)
			} else {
				log.Printf("%s %s", r.Method, r.URL)
			}
		})))
}
