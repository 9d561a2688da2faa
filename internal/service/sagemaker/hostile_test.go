package sagemaker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/shape/sagemaker"
)

// TestHostileKeys: no key of S3 leads out of a channel's directory, and none keeps a job from its end.
func TestHostileKeys(t *testing.T) {
	for name, key := range map[string]string{
		"above":     "../x",
		"far above": "a/../../../../../../../../../../../../tmp/x",
		"itself":    "./x",
		"absolute":  "/etc/x",
		"zero byte": "a\x00b",
		"too long":  strings.Repeat("n", 300),
		"slashes":   "a//b",
		"folder":    "part",
		"below":     "part/a.csv/b",
		"dots":      "..",
		"deep dots": strings.Repeat("a/", 200) + "../" + strings.Repeat("../", 210) + "x",
		"link like": "part/../../config/hyperparameters.json",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := trainingWorld(t)
			w.s3.put("data/digits/"+key, []byte("evil"))
			w.begin(s, trainingRequest("job"))
			w.run(s)
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || !strings.HasPrefix(text(d.FailureReason), "ClientError: Data download failed:") {
				t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			w.empty()
		})
	}
}

// TestHostileEnvironment asks for what no process can have: the job fails at once and says why.
func TestHostileEnvironment(t *testing.T) {
	for why, value := range map[string]string{
		"there is a zero byte in the command, the environment or the working directory.": "a\x00b",
		"an argument or a variable of the environment is longer than 131071 bytes.":      strings.Repeat("x", 128<<10),
		"the command and the environment are longer than 2097152 bytes.":                 "many",
	} {
		t.Run(why[:10], func(t *testing.T) {
			t.Parallel()
			w, s := trainingWorld(t)
			r := trainingRequest("job")
			r.Environment = map[string]string{"A": value}
			for i := range 3000 {
				if value == "many" {
					r.Environment[fmt.Sprint("V", i)] = strings.Repeat("x", 1000)
				}
			}
			w.begin(s, r)
			w.run(s)
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || text(d.FailureReason) != "AlgorithmError: The container could not be started: "+why {
				t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			w.empty()
		})
	}
}

// strange puts things that are no files in the place of one.
var strange = map[string]func(name string) error{
	"a link":        func(name string) error { return os.Symlink("/etc/hostname", name) },
	"a pipe":        func(name string) error { return syscall.Mkfifo(name, 0o666) },
	"a directory":   func(name string) error { return os.Mkdir(name, 0o777) },
	"a device link": func(name string) error { return os.Symlink("/dev/zero", name) },
	"a socket": func(name string) error {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer syscall.Close(fd)
		here, err := os.Open(filepath.Dir(name)) // the whole path may be too long for a socket
		if err != nil {
			return err
		}
		defer here.Close()
		return syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", here.Fd(), filepath.Base(name))})
	},
}

// TestHostileFiles puts them where the platform looks for a reason, a message, a model, an output and checkpoints.
func TestHostileFiles(t *testing.T) {
	host, err := os.ReadFile("/etc/hostname")
	if err != nil || len(bytes.TrimSpace(host)) == 0 {
		t.Skip("the machine has no name to give away")
	}
	for name, put := range strange {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]memory.Program{"program": func(_ context.Context, p memory.Process) int {
				for _, at := range []string{"output/failure", "output/message", "model/x", "output/data/x", "checkpoints/x", "processing/out/x"} {
					if put(p.Path("/opt/ml/"+at)) != nil && !strings.HasPrefix(at, "processing") && !strings.HasPrefix(at, "model") && !strings.HasSuffix(at, "/x") {
						return 99
					}
				}
				for _, at := range []string{"model", "output/data"} { // and of whole directories
					os.Rename(p.Path("/opt/ml/"+at), p.Path("/opt/ml/was-"+filepath.Base(at)))
					put(p.Path("/opt/ml/" + at))
				}
				return 2
			}})
			s := w.service()
			r := trainingRequest("job")
			r.InputDataConfig, r.CheckpointConfig = nil, &sagemaker.CheckpointConfig{S3Uri: new("s3://out/checkpoints")}
			w.begin(s, r)
			if _, err := s.createProcessingJob(t.Context(), w.call(), hostileProcessing()); err != nil {
				t.Fatal(err)
			}
			w.run(s)
			d := w.ended(s, "job")
			if *d.TrainingJobStatus != failed || text(d.FailureReason) != "AlgorithmError: , exit code: 2" {
				t.Errorf("%s: %s", *d.TrainingJobStatus, text(d.FailureReason))
			}
			w.until("the other has ended", func() bool {
				d, err := s.describeProcessingJob(t.Context(), w.call(), &sagemaker.DescribeProcessingJobRequest{ProcessingJobName: new("strange")})
				if err == nil && strings.Contains(text(d.ExitMessage), strings.TrimSpace(string(host))) {
					t.Fatal("the host's file was read")
				}
				return err == nil && *d.ProcessingJobStatus == failed
			})
			w.s3.mu.Lock()
			for key, content := range w.s3.objects {
				if bytes.Contains(content, bytes.TrimSpace(host)) {
					t.Errorf("%s: the host's file was brought out", key)
				}
			}
			w.s3.mu.Unlock()
			w.until("nothing is left", func() bool {
				left, err := os.ReadDir(w.dir + "/jobs")
				return err == nil && len(left) == 0
			})
		})
	}
}

func hostileProcessing() *sagemaker.CreateProcessingJobRequest {
	return &sagemaker.CreateProcessingJobRequest{
		ProcessingJobName: new("strange"), RoleArn: new(role),
		AppSpecification: &sagemaker.AppSpecification{ImageUri: new("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1")},
		ProcessingResources: &sagemaker.ProcessingResources{ClusterConfig: &sagemaker.ProcessingClusterConfig{
			InstanceType: new("ml.m5.large"), InstanceCount: new(int32(1)), VolumeSizeInGB: new(int32(10)),
		}},
		ProcessingOutputConfig: &sagemaker.ProcessingOutputConfig{Outputs: []sagemaker.ProcessingOutput{{OutputName: new("out"),
			S3Output: &sagemaker.ProcessingS3Output{LocalPath: new("/opt/ml/processing/out"), S3Uri: new("s3://out/strange"), S3UploadMode: new("Continuous")}}}},
	}
}

// TestHostileModels have a transform job's container answer as no server does.
func TestHostileModels(t *testing.T) {
	block := make([]byte, 64<<10)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"never": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"slowly": func(rw http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				rw.Write([]byte("x"))
				rw.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
		"without end": func(rw http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := rw.Write(block); err != nil {
					return
				}
			}
		},
		"not at all": func(rw http.ResponseWriter, _ *http.Request) {
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				c.Close()
			}
		},
		"half": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "100")
			io.WriteString(rw, "half")
		},
		"nonsense": func(rw http.ResponseWriter, _ *http.Request) {
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				c.Write(bytes.Repeat([]byte("no HTTP\r\n"), 1000))
				c.Close()
			}
		},
		"heads without end": func(rw http.ResponseWriter, _ *http.Request) {
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				defer c.Close()
				c.Write([]byte("HTTP/1.1 200 OK\r\n"))
				for i := 0; i < 1<<20; i++ {
					if _, err := fmt.Fprintf(c, "X-%d: %0100d\r\n", i, i); err != nil {
						return
					}
				}
			}
		},
		"hints without end": func(rw http.ResponseWriter, _ *http.Request) {
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				defer c.Close()
				for {
					if _, err := fmt.Fprintf(c, "HTTP/1.1 103 Early Hints\r\nLink: %0100d\r\n\r\n", 1); err != nil {
						return
					}
				}
			}
		},
		"chunks of nonsense": func(rw http.ResponseWriter, _ *http.Request) {
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				c.Write([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nxx\r\n"))
				c.Close()
			}
		},
		"two lengths": func(rw http.ResponseWriter, _ *http.Request) {
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345"))
				c.Close()
			}
		},
		"trailers without end": func(rw http.ResponseWriter, _ *http.Request) {
			if c, _, err := rw.(http.Hijacker).Hijack(); err == nil {
				defer c.Close()
				c.Write([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\nx\r\n0\r\n"))
				for i := 0; i < 1<<20; i++ {
					if _, err := fmt.Fprintf(c, "X-%d: %0100d\r\n", i, i); err != nil {
						return
					}
				}
			}
		},
		"elsewhere": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", "http://169.254.169.254/latest/meta-data/")
			rw.WriteHeader(http.StatusTemporaryRedirect)
		},
	} {
		for _, payload := range []int32{6, 0} {
			t.Run(fmt.Sprintf("%s with %d MB", name, payload), func(t *testing.T) {
				t.Parallel()
				m, _ := transformWorld(t)
				m.exec = memory.New(map[string]memory.Program{"program": func(ctx context.Context, p memory.Process) int { return m.mock(ctx, p, answer) }})
				s := m.service()
				s.volumes.gigabyte, s.volumes.pause, s.answers = 1<<20, 5*time.Millisecond, 1<<20
				in := transformRequest("job")
				in.ModelClientConfig = &sagemaker.ModelClientConfig{InvocationsMaxRetries: new(int32(0)), InvocationsTimeoutInSeconds: new(int32(1))}
				in.MaxPayloadInMB = &payload
				if payload == 0 {
					in.TransformInput.SplitType, in.TransformOutput.AssembleWith = nil, nil
				}
				m.run(s)
				m.start(s, in)
				d := m.ended(s, "job")
				reason := text(d.FailureReason)
				if *d.TransformJobStatus != failed || reason != "AlgorithmError: See job logs for more information" && !(name == "without end" && strings.HasPrefix(reason, "ClientError: No space left on device")) {
					t.Errorf("%s: %s", *d.TransformJobStatus, reason)
				}
				m.gone()
			})
		}
	}
}

// mock is a container that is healthy, and answers as it likes.
func (m *transformer) mock(ctx context.Context, p memory.Process, answer func(http.ResponseWriter, *http.Request)) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 2
	}
	h := http.NewServeMux()
	h.HandleFunc("GET /ping", func(http.ResponseWriter, *http.Request) {})
	h.HandleFunc("POST /invocations", answer)
	srv := &http.Server{Handler: h}
	m.world.mu.Lock()
	m.listeners[filepath.Base(p.Namespace)] = l
	m.world.mu.Unlock()
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	go func() {
		select {
		case <-p.Terminate:
			srv.Close()
		case <-ctx.Done():
		}
	}()
	srv.Serve(l)
	m.world.mu.Lock()
	delete(m.listeners, filepath.Base(p.Namespace))
	m.world.mu.Unlock()
	return 0
}
