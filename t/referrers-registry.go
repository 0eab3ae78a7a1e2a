// SPDX-License-Identifier: Apache-2.0

// A registry in memory that has the referrers API, for the end-to-end tests:
// referrers-registry HOST:PORT
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	log.Fatal(http.ListenAndServe(os.Args[1], registry.New(registry.WithReferrersSupport(true))))
}
