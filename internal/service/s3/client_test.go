package s3

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// noise is n bytes that do not repeat.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	r.Read(b)
	return b
}

// tools runs programs that AWS's customers use, against the house.
type tools struct {
	*house
	t    *testing.T
	dir  string
	ca   string
	port string
}

func toolsFor(t *testing.T, h *house) *tools {
	x := &tools{house: h, t: t, dir: t.TempDir(), ca: h.ca.File()}
	_, x.port, _ = net.SplitHostPort(h.address)
	return x
}

func (x *tools) url() string { return "https://localhost:" + x.port }

func (x *tools) run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = x.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") }), "AWS_ACCESS_KEY_ID=AKIAROOT", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION="+x.region, "AWS_CA_BUNDLE="+x.ca,
		"AWS_ENDPOINT_URL="+x.url(), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=",
		"ENDPOINT="+x.url(), "NO_PROXY=localhost", "no_proxy=localhost")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (x *tools) must(name string, args ...string) string {
	x.t.Helper()
	out, err := x.run(name, args...)
	if err != nil {
		x.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func (x *tools) write(name string, b []byte) {
	x.t.Helper()
	p := filepath.Join(x.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(p, b, 0o600); err != nil {
		x.t.Fatal(err)
	}
	// Older than any object made of it, whose times have whole seconds: sync compares the two.
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(p, old, old); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tools) same(name string, b []byte) {
	x.t.Helper()
	got, err := os.ReadFile(filepath.Join(x.dir, name))
	if err != nil || !bytes.Equal(got, b) {
		x.t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(b))
	}
}

// clis are the AWS CLIs on this machine, by version.
func clis(t *testing.T) map[string]string {
	found := map[string]string{}
	for _, p := range []string{"aws", "/usr/bin/aws"} {
		path, err := exec.LookPath(p)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "--version").CombinedOutput()
		if v, _, ok := strings.Cut(string(out), " "); err == nil && ok {
			found[strings.ReplaceAll(v, "/", "-")] = path
		}
	}
	if len(found) == 0 {
		t.Skip("needs the AWS CLI")
	}
	return found
}

func TestTheCommandLine(t *testing.T) {
	for version, aws := range clis(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			x := toolsFor(t, start(t, "us-east-1"))
			s3 := func(args ...string) string {
				t.Helper()
				return x.must(aws, append([]string{"--endpoint-url", x.url()}, args...)...)
			}
			big, small := noise(20<<20), noise(1000)
			x.write("tree/big", big)
			x.write("tree/a b/ü+&=%/日本 .txt", small)
			x.write("tree/empty", nil)
			s3("s3", "mb", "s3://data")
			s3("s3", "sync", "tree", "s3://data/in")
			if out := s3("s3", "ls", "--recursive", "s3://data"); !strings.Contains(out, "in/a b/ü+&=%/日本 .txt") || strings.Count(out, "\n") != 3 {
				t.Errorf("ls: %s", out)
			}
			if out := s3("s3", "ls", "s3://data/in/"); !strings.Contains(out, "PRE a b/") || !strings.Contains(out, " 20971520 big") {
				t.Errorf("ls: %s", out)
			}
			if out := s3("s3", "sync", "tree", "s3://data/in"); out != "" {
				t.Errorf("a second sync did: %s", out)
			}
			s3("s3", "sync", "s3://data/in", "back")
			x.same("back/big", big)
			x.same("back/a b/ü+&=%/日本 .txt", small)
			x.same("back/empty", nil)
			s3("s3", "cp", "s3://data/in/big", "s3://data/copy/big")
			s3("s3", "cp", "s3://data/copy/big", "once")
			x.same("once", big)
			s3("s3api", "get-object", "--bucket", "data", "--key", "in/big", "--range", "bytes=8388600-8388615", "part")
			x.same("part", big[8388600:8388616])
			url := strings.TrimSpace(s3("s3", "presign", "s3://data/in/big"))
			x.must("curl", "-sSf", "--cacert", x.ca, "-o", "fetched", url)
			x.same("fetched", big)
			if out := s3("s3api", "head-object", "--bucket", "data", "--key", "in/big", "--checksum-mode", "ENABLED"); !strings.Contains(out, "20971520") {
				t.Errorf("head-object: %s", out)
			}
			s3("s3", "mv", "s3://data/in/empty", "s3://data/moved")
			if out, err := x.run(aws, "--endpoint-url", x.url(), "s3", "rb", "s3://data"); err == nil || !strings.Contains(out, "BucketNotEmpty") {
				t.Errorf("rb of a full bucket: %v %s", err, out)
			}
			if out, err := x.run(aws, "--endpoint-url", x.url(), "s3", "ls", "s3://nowhere-at-all"); err == nil || !strings.Contains(out, "NoSuchBucket") {
				t.Errorf("ls of no bucket: %v %s", err, out)
			}
			s3("s3", "rm", "--recursive", "s3://data")
			s3("s3", "rb", "s3://data")
			if n := x.blobCount(t); n != 0 {
				t.Errorf("%d blobs left", n)
			}
		})
	}
}

// script is what a boto3 customer does; it prints what it found.
const script = `
import boto3, os, io, hashlib, sys
from botocore.exceptions import ClientError
from boto3.s3.transfer import TransferConfig
import botocore.config
url = os.environ["ENDPOINT"]
c = boto3.client("s3", endpoint_url=url, config=botocore.config.Config(s3={"addressing_style": "path"}))
region = sys.argv[1]
kw = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
c.create_bucket(Bucket="boto", **kw)
print("location", c.get_bucket_location(Bucket="boto")["LocationConstraint"])
print("region", c.head_bucket(Bucket="boto")["BucketRegion"])
big = os.urandom(12 << 20)
c.upload_fileobj(io.BytesIO(big), "boto", "big", Config=TransferConfig(multipart_chunksize=5 << 20, max_concurrency=4), ExtraArgs={"Metadata": {"who": "me"}})
b = io.BytesIO()
c.download_fileobj("boto", "big", b)
print("same", b.getvalue() == big, c.head_object(Bucket="boto", Key="big")["Metadata"])
for a in ["CRC32", "CRC32C", "SHA1", "SHA256"]:
    try:
        r = c.put_object(Bucket="boto", Key="sum " + a, Body=b"hello", ChecksumAlgorithm=a)
        g = c.get_object(Bucket="boto", Key="sum " + a, ChecksumMode="ENABLED")
        assert r["Checksum" + a] == g["Checksum" + a] and g["Body"].read() == b"hello"
    except Exception as e:
        if "crt" not in str(e).lower():
            raise
for i in range(25):
    c.put_object(Bucket="boto", Key="k/%03d/é &<>" % (i // 2), Body=b"x")
keys, pre = [], []
for p in c.get_paginator("list_objects_v2").paginate(Bucket="boto", Prefix="k/", PaginationConfig={"PageSize": 3}):
    keys += [o["Key"] for o in p.get("Contents", [])]
for p in c.get_paginator("list_objects").paginate(Bucket="boto", Prefix="k/", Delimiter="/", PaginationConfig={"PageSize": 3}):
    pre += [o["Prefix"] for o in p.get("CommonPrefixes", [])]
print("list", len(keys), keys == sorted(keys), keys[0], len(pre), pre[0])
for f, want in [(lambda: c.get_object(Bucket="boto", Key="none"), "NoSuchKey"), (lambda: c.head_object(Bucket="boto", Key="none"), "404"),
        (lambda: c.get_object(Bucket="boto", Key="big", Range="bytes=99999999-"), "InvalidRange"),
        (lambda: c.get_object(Bucket="boto", Key="big", IfMatch="nope"), "PreconditionFailed"),
        (lambda: c.get_object(Bucket="boto", Key="big", IfNoneMatch=c.head_object(Bucket="boto", Key="big")["ETag"]), "304"),
        (lambda: c.get_bucket_policy(Bucket="boto"), "NoSuchBucketPolicy"),
        (lambda: c.put_object(Bucket="boto", Key="x", Body=b"", ACL="public-read"), "AccessControlListNotSupported"),
        (lambda: c.delete_bucket(Bucket="boto"), "BucketNotEmpty")]:
    try:
        f()
        print("no error, want", want)
    except ClientError as e:
        if e.response["Error"]["Code"] != want:
            print("got", e.response["Error"], "want", want)
r = c.delete_objects(Bucket="boto", Delete={"Objects": [{"Key": k} for k in set(keys)] + [{"Key": "never"}]})
print("deleted", len(r["Deleted"]))
post = c.generate_presigned_url("put_object", Params={"Bucket": "boto", "Key": "signed"}, ExpiresIn=60)
import urllib.request, ssl
ctx = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
urllib.request.urlopen(urllib.request.Request(post, data=b"signed", method="PUT", headers={"Content-Type": ""}), context=ctx)
print("signed", c.get_object(Bucket="boto", Key="signed")["Body"].read())
`

func TestBoto3(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		t.Skipf("needs python3 with boto3: %s", out)
	}
	for _, region := range []string{"us-east-1", "eu-central-1"} {
		t.Run(region, func(t *testing.T) {
			t.Parallel()
			x := toolsFor(t, start(t, region))
			x.write("boto.py", []byte(script))
			location := "None"
			if region != "us-east-1" {
				location = region
			}
			want := "location " + location + "\nregion " + region + "\nsame True {'who': 'me'}\nlist 13 True k/000/é &<> 13 k/000/\ndeleted 14\nsigned b'signed'\n"
			if got := x.must("python3", "boto.py", region); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}
