package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"cloister/internal/machine/image"
	"cloister/internal/service/sagemaker"
	"cloister/internal/value/caller"
)

// algorithmAccounts are the accounts in which AWS keeps K-Means and its kin, by region.
var algorithmAccounts = map[string]string{
	"af-south-1": "455444449433", "ap-east-1": "286214385809", "ap-northeast-1": "351501993468", "ap-northeast-2": "835164637446",
	"ap-northeast-3": "364406365360", "ap-south-1": "991648021394", "ap-southeast-1": "475088953585", "ap-southeast-2": "712309505854",
	"ca-central-1": "469771592824", "eu-central-1": "664544806723", "eu-north-1": "669576153137", "eu-south-1": "257386234256",
	"eu-west-1": "438346466558", "eu-west-2": "644912444149", "eu-west-3": "749696950732", "me-south-1": "249704162688",
	"sa-east-1": "855470959533", "us-east-1": "382416733822", "us-east-2": "404615174143", "us-west-1": "632365934929", "us-west-2": "174872318107",
}

// builtIn are the images made from this very binary, by algorithm, and their names: nothing is
// pulled. K-Means has the names that AWS gives it in each region, and that of us-east-1 where AWS has
// none; the probe is for whoever tests what a container reaches.
func builtIn(c config) map[string][]string {
	out := map[string][]string{}
	for _, r := range c.served() {
		account := cmp.Or(algorithmAccounts[r], algorithmAccounts["us-east-1"])
		kmeans := account + ".dkr.ecr." + r + ".amazonaws.com/kmeans:"
		out["kmeans"] = append(out["kmeans"], kmeans+"1", kmeans+"latest")
		out["probe"] = append(out["probe"], c.Account+".dkr.ecr."+r+".amazonaws.com/cloister-probe:1")
	}
	return out
}

// loadImages makes the built-in images; those of the same binary are there already and cost nothing.
func loadImages(ctx context.Context, s *image.Store, c config) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// At once: at first start each takes a tenth of a second of hashing and writing.
	g, ctx := errgroup.WithContext(ctx)
	for algorithm, names := range builtIn(c) {
		g.Go(func() error {
			digest, err := s.Build(ctx, names[0], map[string]image.File{"/cloister": {Source: self, Mode: 0o755}}, image.Config{
				Entrypoint: []string{"/cloister", "algorithm", algorithm}, WorkingDir: "/",
			})
			for _, name := range names[1:] {
				if err == nil {
					err = s.Tag(ctx, name, digest)
				}
			}
			if err != nil {
				return fmt.Errorf("%s: %w", algorithm, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// images shows SageMaker of one region the images that there are: those of ECR, and those of this machine.
type images struct {
	store   *image.Store
	puller  puller
	mirrors []mirrored
}

// Image finds what a customer named. A repository of ECR goes before what an operator loaded under the same name.
func (i images) Image(ctx context.Context, as caller.Caller, reference string) (*sagemaker.Image, error) {
	digest, err := i.puller.pull(ctx, as, reference)
	if errors.Is(err, errNotInECR) {
		digest, err = i.store.Resolve(ctx, reference)
	}
	if errors.Is(err, image.ErrUnknown) {
		digest, err = i.mirror(ctx, reference)
	}
	if errors.Is(err, image.ErrUnknown) || errors.Is(err, image.ErrMalformed) {
		return nil, sagemaker.ErrNoImage
	}
	if err != nil {
		return nil, err
	}
	return i.unpacked(ctx, digest)
}

// Kept finds an image by the digest that it was found to have.
func (i images) Kept(ctx context.Context, digest string) (*sagemaker.Image, error) {
	found, err := i.unpacked(ctx, image.Digest(digest))
	if errors.Is(err, image.ErrUnknown) {
		err = sagemaker.ErrNoImage
	}
	return found, err
}

func (i images) unpacked(ctx context.Context, digest image.Digest) (*sagemaker.Image, error) {
	u, err := i.store.Image(ctx, digest)
	if err != nil {
		return nil, err
	}
	uid, gid, err := u.User()
	if err != nil {
		return nil, &sagemaker.NoImage{Reason: err.Error()}
	}
	return &sagemaker.Image{Digest: string(digest), Root: u.Root, Entrypoint: u.Config.Entrypoint, Cmd: u.Config.Cmd, Env: u.Config.Env,
		WorkingDir: u.Config.WorkingDir, UID: uid, GID: gid, Labels: u.Config.Labels}, nil
}
