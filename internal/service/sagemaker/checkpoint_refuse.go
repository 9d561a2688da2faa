package sagemaker

import (
	"path"
	"strings"

	"cloister/internal/value/shape/sagemaker"
)

// taken are directories that a container's checkpoints cannot be in: the platform's own.
var taken = []string{"/opt/ml/input", "/opt/ml/model", "/opt/ml/output", "/opt/ml/code", "/proc", "/sys", "/dev", "/etc"}

// refuseCheckpoints goes through where checkpoints are to be.
func refuseCheckpoints(c *sagemaker.CheckpointConfig) error {
	if c == nil {
		return nil
	}
	if _, _, ok := splitS3(text(c.S3Uri)); !ok {
		return validation.New("CheckpointConfig.S3Uri %q is not an S3 URI.", text(c.S3Uri))
	}
	at := text(orText(c.LocalPath, checkpointPath))
	bad := !path.IsAbs(at) || path.Clean(at) == "/" || strings.ContainsRune(at, 0)
	for _, dir := range taken {
		bad = bad || under(at, dir) || under(dir, at)
	}
	if bad {
		return validation.New("CheckpointConfig.LocalPath %q cannot hold checkpoints.", at)
	}
	return nil
}

// under tells whether a path is a directory or below it.
func under(at, dir string) bool {
	at, dir = path.Clean(at), path.Clean(dir)
	return at == dir || strings.HasPrefix(at, dir+"/")
}
