// SPDX-License-Identifier: Apache-2.0

// Copies an image if a policy lets it, as skopeo does with the same library (Debian's
// skopeo is built without sigstore), over HTTP or HTTPS:
// policy-copy POLICY REGISTRIES.D docker://SOURCE dir:DESTINATION
package main

import (
	"context"
	"log"
	"os"

	"github.com/containers/image/v5/copy"
	"github.com/containers/image/v5/directory"
	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/types"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	policy, err := signature.NewPolicyFromFile(os.Args[1])
	must(err)
	judge, err := signature.NewPolicyContext(policy)
	must(err)
	source, err := docker.ParseReference(os.Args[3][len("docker:"):])
	must(err)
	destination, err := directory.NewReference(os.Args[4][len("dir:"):])
	must(err)
	_, err = copy.Image(context.Background(), judge, destination, source, &copy.Options{
		RemoveSignatures: true,
		SourceCtx: &types.SystemContext{
			RegistriesDirPath:           os.Args[2],
			DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
		},
	})
	must(err)
}
