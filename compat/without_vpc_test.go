package compat

import (
	"slices"
	"strings"
	"testing"
)

// TestWithoutVPC runs jobs that name no VPC: they reach the internet and each other, and are told their role's
// credentials; isolated ones reach their peers only. Nothing of that is in the account's network.
func TestWithoutVPC(t *testing.T) {
	t.Parallel()
	d := own(t)
	v := &vpc{daemon: d}
	d.provide(t)
	at := d.internet()
	bare := func(name, hyperparameters string, more ...string) {
		args := v.training(name, probe, hyperparameters, more...)
		i := slices.Index(args, "--vpc-config")
		at.aws(t, slices.Delete(args, i, i+2)...)
	}
	before := at.aws(t, "ec2", "describe-network-interfaces", "--query", "length(NetworkInterfaces)")
	bare("open", "targets=s3."+region+".amazonaws.com:443")
	bare("together", "meet=60", four...)
	bare("apart", "meet=60,targets=s3."+region+".amazonaws.com:443", append([]string{"--enable-network-isolation"}, four...)...)
	v.completed(t, "open")
	log := strings.Join(v.log(t, "open"), "\n")
	for _, want := range []string{"s3." + region + ".amazonaws.com:443: reached ", "credentials: 200 of " + role + ", whole: true", "credentials: 400 of , whole: false"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in\n%s", want, log)
		}
	}
	why, err := d.command("why", "--job", "open").CombinedOutput()
	if said := string(why); err == nil || !strings.HasPrefix(said, "Training job open: Completed, made ") || !strings.Contains(said, "\nIt has no VpcConfig: it is in no network of the account's.\n") ||
		!strings.Contains(said, "cloister: open has not failed, and is in no network of the account's: there is nothing to explain") {
		t.Errorf("why: %v\n%s", err, said)
	}
	for _, job := range []string{"together", "apart"} {
		v.completed(t, job)
		v.checkMet(t, job)
	}
	if log := strings.Join(v.log(t, "apart"), "\n"); strings.Contains(log, ": reached ") || strings.Contains(log, "credentials: 200") {
		t.Errorf("isolated hosts reached more than each other:\n%s", log)
	}
	if after := at.aws(t, "ec2", "describe-network-interfaces", "--query", "length(NetworkInterfaces)"); after != before {
		t.Errorf("the account has %s interfaces, not %s", after, before)
	}
}
