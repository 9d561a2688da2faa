package sagemaker

import (
	"path"
	"regexp"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

// imageForm is what an image's name may consist of; whether there is such an image is found as the role.
var imageForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$`)

// validProcessing goes through what CreateProcessingJob can ask for. What must be there the model has asked.
func (s *Service) validProcessing(c *api.Call, in *sagemaker.CreateProcessingJobRequest) error {
	cluster, network := in.ProcessingResources.ClusterConfig, in.NetworkConfig
	if network == nil {
		network = &sagemaker.NetworkConfig{}
	}
	if err := refuse(
		refusal{"ExperimentConfig", in.ExperimentConfig != nil},
		refusal{"ProcessingResources.ClusterConfig.VolumeKmsKeyId", text(cluster.VolumeKmsKeyId) != ""},
		refusal{"ProcessingOutputConfig.KmsKeyId", in.ProcessingOutputConfig != nil && text(in.ProcessingOutputConfig.KmsKeyId) != ""},
	); err != nil {
		return err
	}
	if err := ownRole(c.Account(), text(in.RoleArn)); err != nil {
		return err
	}
	if err := s.available("processing-job", text(cluster.InstanceType)); err != nil {
		return err
	}
	if image := text(in.AppSpecification.ImageUri); !imageForm.MatchString(image) {
		return validation.New("Invalid image URI %s. Please provide a valid Amazon Elastic Container Registry path of the Docker image to run.", image)
	}
	if err := refuseIsolation(text(in.AppSpecification.ImageUri), flag(network.EnableNetworkIsolation)); err != nil {
		return err
	}
	if err := plainCommand(in); err != nil {
		return err
	}
	return validData(in)
}

// plainCommand refuses what no process can be given.
func plainCommand(in *sagemaker.CreateProcessingJobRequest) error {
	said := map[string][]string{"AppSpecification.ContainerEntrypoint": in.AppSpecification.ContainerEntrypoint, "AppSpecification.ContainerArguments": in.AppSpecification.ContainerArguments}
	for _, v := range in.Environment {
		said["Environment"] = append(said["Environment"], v)
	}
	for member, all := range said {
		if strings.ContainsRune(strings.Join(all, ""), 0) {
			return validation.New("%s must not contain a null character.", member)
		}
	}
	return nil
}

// places remembers the names and directories of a job's inputs and outputs.
type places struct {
	names, paths map[string]bool
	piped        []string
}

// passForm is what is added to the path of an input that is streamed.
var passForm = regexp.MustCompile(`^_[0-9]+(/|$)`)

// clear refuses what lies where a pipe is to be.
func (p *places) clear() error {
	for _, of := range p.piped {
		for local := range p.paths {
			if rest, ok := strings.CutPrefix(local, of); ok && passForm.MatchString(rest) {
				return validation.New("LocalPath %s is a pipe of the input with LocalPath %s.", local, of)
			}
		}
	}
	return nil
}

// take refuses a second of a name or of a directory, and directories elsewhere.
func (p *places) take(member, name, local string, managed bool) error {
	if p.names[name] {
		return validation.New("Input and Output names must be globally unique: [%s]", name)
	}
	p.names[name] = true
	switch {
	case local == "" && managed:
		return nil
	case local == "":
		return validation.New("%s %s: LocalPath is required unless AppManaged is true.", member, name)
	case !strings.HasPrefix(local, processingRoot) || path.Clean(local)+"/" == processingRoot || path.Clean(local) != strings.TrimSuffix(local, "/") || strings.ContainsRune(local, 0):
		return validation.New("%s %s: LocalPath %q must be a path that begins with %s.", member, name, local, processingRoot)
	case p.paths[path.Clean(local)]:
		return validation.New("%s %s: LocalPath %s is used more than once.", member, name, local)
	}
	p.paths[path.Clean(local)] = true
	return nil
}

// validData goes through inputs and outputs.
func validData(in *sagemaker.CreateProcessingJobRequest) error {
	p := &places{names: map[string]bool{}, paths: map[string]bool{}}
	for _, i := range in.ProcessingInputs {
		if err := validInput(p, &i); err != nil {
			return err
		}
	}
	if in.ProcessingOutputConfig == nil {
		return p.clear()
	}
	for _, o := range in.ProcessingOutputConfig.Outputs {
		name := text(o.OutputName)
		if err := refuse(refusal{"ProcessingOutputConfig output " + name + ": FeatureStoreOutput", o.FeatureStoreOutput != nil}); err != nil {
			return err
		}
		if o.S3Output == nil {
			return validation.New("ProcessingOutputConfig output %s: S3Output is required.", name)
		}
		if err := p.take("ProcessingOutputConfig output", name, text(o.S3Output.LocalPath), flag(o.AppManaged)); err != nil {
			return err
		}
		if _, _, ok := splitS3(text(o.S3Output.S3Uri)); !ok {
			return validation.New("ProcessingOutputConfig output %s: S3Uri %q is not an S3 URI.", name, text(o.S3Output.S3Uri))
		}
	}
	return p.clear()
}

func validInput(p *places, i *sagemaker.ProcessingInput) error {
	name, s := text(i.InputName), i.S3Input
	head := "ProcessingInputs input " + name + ": "
	if err := refuse(refusal{head + "DatasetDefinition", i.DatasetDefinition != nil}); err != nil {
		return err
	}
	if s == nil {
		return validation.New("%sS3Input is required.", head)
	}
	if err := p.take("ProcessingInputs input", name, text(s.LocalPath), flag(i.AppManaged)); err != nil {
		return err
	}
	c := input(0, s)
	if err := c.refuse(head); err != nil {
		return err
	}
	if c.Mode == pipe && !flag(i.AppManaged) {
		p.piped = append(p.piped, path.Clean(text(s.LocalPath)))
	}
	return nil
}
