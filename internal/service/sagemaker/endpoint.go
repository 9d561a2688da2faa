package sagemaker

import (
	"time"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// endpoint is the record of an endpoint: the fleet that serves and the one that is being made.
type endpoint struct {
	Account, Name, ARN    string
	Status, FailureReason string
	Created, Modified     time.Time
	// Generation numbers fleets; each Update makes a new one.
	Generation int
	// Serving has the traffic; Coming is to have it once all of its instances are ready.
	Serving, Coming *fleet
	// Shown is the name of the configuration that Describe gives.
	Shown string
}

// fleet is a configuration as it was when somebody asked for it.
type fleet struct {
	Generation int
	Config     string
	Variants   []variant
}

// variant is one model with its instances' number and share of the traffic.
type variant struct {
	Name, Image string
	Weight      float64
	Count       int
}

// instance is the record of one container that serves, and of all that was made for it.
type instance struct {
	Account, Endpoint, Variant string // Endpoint as it was named
	Generation, Number         int
	// ID names everything made on this machine, Stream what AWS would call the instance.
	ID, Stream   string
	InstanceType string
	Volume       int32 `json:",omitempty"` // GB, 0 where nothing is said
	Model        model
	// Startup and Fetch bound the first health check and the model's download.
	Startup, Fetch time.Duration
	// Digest is what the image was resolved to, at Resolved.
	Digest   string
	Resolved *time.Time

	// Secret is what the path of the container's credentials ends in.
	Secret    string
	Interface string
	// Prepared is set when the model's data lies in its directory, Since when the container of this
	// life was first started, Ready while it answers health checks.
	Prepared bool
	Since    *time.Time
	Ready    bool
	// Restarts counts the containers that ended by themselves.
	Restarts int
	// Failure is why it never will be ready; Going is set when it is to be removed.
	Failure string
	Going   bool
	// Attempts counts errors that may pass.
	Attempts int
}

var (
	endpoints = store.NewTable[endpoint]("sagemaker.endpoint")
	instances = store.NewTable[instance]("sagemaker.endpoint-instance")
)

const (
	creating    = "Creating"
	updating    = "Updating"
	inService   = "InService"
	rollingBack = "RollingBack"
	deleting    = "Deleting"
)

func (e *endpoint) key() string { return store.Key(e.Account, lower(e.Name)) }

// busy tells whether the endpoint is on its way somewhere and may not be changed.
func (e *endpoint) busy() bool { return e.Status != inService && e.Status != failed }

func noEndpoint(arn string) *fault.Fault { return validation.New("Could not find endpoint %q.", arn) }

func busyEndpoint(arn string) *fault.Fault {
	return validation.New("Cannot update in-progress endpoint %q.", arn)
}

func (i *instance) endpointKey() string { return store.Key(i.Account, lower(i.Endpoint)) }
func (i *instance) key() string         { return store.Key(i.Account, lower(i.Endpoint), i.ID) }
func (i *instance) vpc() bool           { return i.Model.Request.VpcConfig != nil }
func (i *instance) role() string        { return text(i.Model.Request.ExecutionRoleArn) }
func (i *instance) errand() errand      { return errand{i.Account, i.role(), i.Model.ARN, ""} }
func (i *instance) what() string {
	return "Endpoint " + i.Endpoint + " variant " + i.Variant
}

// isolated says whether the container is cut off from every network but that of the platform, home whether it is
// in the service's own VPC.
func (i *instance) isolated() bool { return flag(i.Model.Request.EnableNetworkIsolation) }
func (i *instance) home() bool     { return !i.vpc() && !i.isolated() }

// place is the namespace in which the container listens; door is where the platform's own traffic
// leaves from.
func (i *instance) place() string {
	if i.isolated() || i.home() {
		return i.ID
	}
	return i.Interface
}

func (i *instance) door() string {
	if i.vpc() {
		return i.Interface
	}
	return internet
}

// coming gives the endpoint a new fleet of a configuration, and that fleet its instances.
func (s *Service) coming(tx *store.Tx, e *endpoint, config *endpointConfig) error {
	e.Generation++
	f := &fleet{Generation: e.Generation, Config: text(config.Request.EndpointConfigName)}
	for vi := range config.Request.ProductionVariants {
		v := &config.Request.ProductionVariants[vi]
		m, err := models.Get(tx, store.Key(e.Account, lower(text(v.ModelName))))
		if err != nil {
			return err
		}
		if m == nil {
			return noModel(sameAccount(e.ARN, "model/"+lower(text(v.ModelName))))
		}
		c := m.container()
		one := variant{Name: text(v.VariantName), Image: text(c.Image), Weight: float64(*v.InitialVariantWeight), Count: int(*v.InitialInstanceCount)}
		f.Variants = append(f.Variants, one)
		for n := range one.Count {
			if err := s.recruit(tx, e, v, m, n); err != nil {
				return err
			}
		}
	}
	e.Coming, e.Modified = f, tx.Now
	key := e.key()
	tx.After(func() { s.endpoints.Add(key) })
	return endpoints.Put(tx, key, e)
}

// recruit writes the record of one instance; its worker does the rest.
func (s *Service) recruit(tx *store.Tx, e *endpoint, v *sagemaker.ProductionVariant, m *model, n int) error {
	i := &instance{
		Account: e.Account, Endpoint: e.Name, Variant: text(v.VariantName), Generation: e.Generation, Number: n,
		ID: newID("ei"), Secret: newSecret(), InstanceType: text(v.InstanceType), Volume: number(v.VolumeSizeInGB, 0), Model: *m, Startup: s.Startup, Fetch: time.Hour,
	}
	i.Stream = "i-0" + i.ID[len("ei-"):]
	if v.ContainerStartupHealthCheckTimeoutInSeconds != nil {
		i.Startup = time.Duration(*v.ContainerStartupHealthCheckTimeoutInSeconds) * time.Second
	}
	if v.ModelDataDownloadTimeoutInSeconds != nil {
		i.Fetch = time.Duration(*v.ModelDataDownloadTimeoutInSeconds) * time.Second
	}
	if err := s.take(tx, i.Account, i.ID, "endpoint", i.InstanceType); err != nil {
		return err
	}
	tx.After(func() { s.instances.Add(i.key()) })
	return instances.Put(tx, i.key(), i)
}
