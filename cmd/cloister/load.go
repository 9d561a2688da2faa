package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cloister/internal/machine/image"
)

// imageCommand is what an operator does about images that no registry of this Cloister has.
type imageCommand struct {
	Load   loadImageCommand   `cmd:"" help:"Load an image from an OCI layout (a directory or an archive) or an archive of docker save."`
	List   listImagesCommand  `cmd:"" help:"List the images that were loaded, and those that come with the program."`
	Remove removeImageCommand `cmd:"" help:"Take a name away from an image. What runs from it goes on."`
}

type loadImageCommand struct {
	Path string `arg:"" help:"The layout or archive." type:"path"`
	Name string `arg:"" optional:"" help:"What requests call it, as 763104351884.dkr.ecr.us-east-1.amazonaws.com/mine:1; without it, the name that is in the file."`
}

type listImagesCommand struct{}

type removeImageCommand struct {
	Name string `arg:"" help:"The name to take away."`
}

// visit opens the images of a data directory beside the server that may run over it.
func visit(c *commands) (*image.Store, error) {
	return image.Visit(place{c.Data}.images(), image.Options{Rootless: os.Geteuid() != 0})
}

// Run loads an image: from then on every account may name it.
func (l *loadImageCommand) Run(c *commands) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	store, err := visit(c)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(place{c.Data}.images(), ".archive-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	found, err := image.Read(l.Path, work)
	if err != nil {
		return err
	}
	if l.Name != "" {
		found.Name = l.Name
	}
	if found.Name == "" {
		return errors.New("the file does not say the image's name: give it after the path")
	}
	digest, err := store.Import(ctx, found.Name, found.Image)
	if err != nil {
		return err
	}
	fmt.Println(found.Name, digest)
	return nil
}

// Run lists names and digests.
func (*listImagesCommand) Run(c *commands) error {
	store, err := visit(c)
	if err != nil {
		return err
	}
	names, err := store.Names(context.Background())
	for _, n := range names {
		fmt.Println(n.Reference, n.Digest)
	}
	return err
}

// Run takes a name away.
func (r *removeImageCommand) Run(c *commands) error {
	store, err := visit(c)
	if err != nil {
		return err
	}
	return store.Untag(context.Background(), r.Name)
}
