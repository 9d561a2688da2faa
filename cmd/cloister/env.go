package main

import "fmt"

// envCommand prints shell assignments for a client on the host, outside every VPC.
type envCommand struct {
	As string `help:"Profile of the credentials file." default:"default"`
}

// Run prints export lines for eval.
func (e *envCommand) Run(c *commands) error {
	f := place{c.Data}
	i, err := f.instance()
	if err != nil {
		return err
	}
	fmt.Println("# AWS CLI 2.13 and newer and current SDKs read AWS_ENDPOINT_URL; for older ones: cloister exec --internet -- aws ...")
	for _, kv := range [][2]string{
		{"AWS_ENDPOINT_URL", i.Door}, {"AWS_CA_BUNDLE", i.CA}, {"AWS_REGION", i.Region}, {"AWS_DEFAULT_REGION", i.Region},
		{"AWS_SHARED_CREDENTIALS_FILE", f.credentials()}, {"AWS_PROFILE", e.As}, {"AWS_EC2_METADATA_DISABLED", "true"},
	} {
		fmt.Printf("export %s='%s'\n", kv[0], kv[1])
	}
	return nil
}

// versionCommand prints what this is.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("cloister 0.1.0")
	return nil
}
