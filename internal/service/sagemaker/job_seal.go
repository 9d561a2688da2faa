package sagemaker

import (
	"context"
	"errors"
	"time"

	"cloister/internal/machine/tunnel"
	"cloister/internal/machine/tunnel/mesh"
)

// seal has what the hosts send each other sealed, if the customer wants that and they are several. It may be
// repeated, and a fresh process has to: the tunnels are its, all else about them is in the namespaces and on record.
func (r *jobRun) seal(ctx context.Context) error {
	if !r.plan.Encrypted || r.alone() {
		return nil
	}
	if !r.st().Hosts[0].Encrypted.IsValid() {
		err := r.update(ctx, func(_ time.Time, j job) {
			hosts := j.state().Hosts
			for i := range hosts {
				hosts[i].Encrypted, hosts[i].Key = mesh.Inner(i), tunnel.NewKey()
			}
		})
		if err != nil {
			return err
		}
	}
	var hosts []mesh.Host
	for i, h := range r.st().Hosts {
		namespace, err := r.namespace(ctx, r.network(i))
		if err != nil {
			return err
		}
		hosts = append(hosts, mesh.Host{Namespace: namespace, Address: h.Address, Inner: h.Encrypted, Key: h.Key})
	}
	err := r.Meshes.Open(ctx, r.st().ID, hosts)
	if errors.Is(err, mesh.ErrNoDevice) {
		r.Log.Warn("traffic between containers cannot be encrypted", "job", r.st().ARN, "error", err)
		return fails("InternalServerError: This installation cannot encrypt the traffic between containers: its server cannot open /dev/net/tun.")
	}
	return err
}
