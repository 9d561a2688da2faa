package compat

import (
	"archive/tar"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hostileImage is one row of what images do: what was pushed, and what must be observed of a job that runs it.
type hostileImage struct {
	evil
	// says is in the log of a job that completes, or in the reason of one that fails, which begins with why.
	says []string
	why  string
}

// Why jobs fail whose image cannot be had, or whose container does not start.
const (
	notUnpacked = "ClientError: Cannot find the training image"
	notStarted  = "AlgorithmError: The container could not be started"
)

// hostileImages pushes images that attack whoever unpacks and runs them. outside is a directory of the host's that has a
// file "victim". What comes of them is read by the function that it gives.
func (v *vpc) hostileImages(t *testing.T, p *pusher, outside string) (judge func(t *testing.T)) {
	t.Helper()
	up := strings.Repeat("../", 30) + strings.TrimPrefix(outside, "/")
	looks := func(paths ...string) []string { return []string{"ACTS=look,own", "LOOK=" + strings.Join(paths, ":")} }
	own := []string{"own /opt/ml/model/own: <nil>", "own /tmp/own: <nil>", "own /dev/shm/own: <nil>"}
	all := map[string]hostileImage{
		"paths out": {evil: evil{env: looks(outside+"/dots", outside+"/victim", outside+"/deep"), layers: [][]byte{
			archived(t, plain(up+"/dots", "inside"), plain(outside+"/absolute", "inside"), link("l", outside), plain("l/through", "inside"),
				link("f", outside+"/victim"), plain("f", "inside"), link("a", "/"), link("a/b", outside), plain("a/b/deep", "inside"), link("up", up), plain("up/up", "inside")),
			archived(t, plain("l/.wh.victim", ""), plain("up/.wh..wh..opq", ""), plain(up+"/.wh.victim", "")),
			archived(t, plain(up+"/dots", "inside"), plain("a/b/deep", "inside")),
		}}, says: []string{"at " + outside + "/dots: -rw-r--r-- \"inside\"", "nothing at " + outside + "/victim", "at " + outside + "/deep: -rw-r--r-- \"inside\""}},
		"hard link out":        {evil: evil{layers: [][]byte{archived(t, entry{Header: tar.Header{Name: "h", Linkname: outside + "/victim", Typeflag: tar.TypeLink}})}}, why: notUnpacked, says: []string{"cannot be unpacked", "no such file"}},
		"hard link up":         {evil: evil{layers: [][]byte{archived(t, entry{Header: tar.Header{Name: "h", Linkname: up + "/victim", Typeflag: tar.TypeLink}})}}, why: notUnpacked, says: []string{"cannot be unpacked"}},
		"whiteout of dots":     {evil: evil{layers: [][]byte{archived(t, plain("x/.wh...", ""))}}, why: notUnpacked, says: []string{"malformed whiteout"}},
		"links in a circle":    {evil: evil{layers: [][]byte{archived(t, link("a", "b"), link("b", "a"), plain("a/x", "x"))}}, why: notUnpacked, says: []string{"too many symbolic links"}},
		"a name without end":   {evil: evil{layers: [][]byte{archived(t, plain(strings.Repeat("d/", 300)+"f", "x"))}}, why: notUnpacked, says: []string{"longer or deeper"}},
		"a file of a tebibyte": {evil: evil{layers: [][]byte{sparse(t, 1<<40)}}, why: notUnpacked, says: []string{"larger than allowed"}},
		"a small hole":         {evil: evil{layers: [][]byte{sparse(t, 1<<20)}, env: looks("/hole")}, says: []string{"at /hole: -rw-r--r--"}},
		"devices and rights": {evil: evil{env: looks("/disk", "/mem", "/fifo", "/setuid", "/capable"), layers: [][]byte{archived(t,
			entry{Header: tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Mode: 0o666, Devmajor: 8}}, entry{Header: tar.Header{Name: "mem", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 1}},
			entry{Header: tar.Header{Name: "fifo", Typeflag: tar.TypeFifo, Mode: 0o666}}, entry{Header: tar.Header{Name: "setuid", Typeflag: tar.TypeReg, Mode: 0o6755}, data: "x"},
			entry{Header: tar.Header{Name: "capable", Typeflag: tar.TypeReg, Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\xff"}}, data: "x"})}},
			says: []string{"nothing at /disk", "nothing at /mem", "nothing at /fifo", "at /setuid: -rwxr-xr-x", "at /capable: -rwxr-xr-x"}},
		"two thousand layers": {evil: evil{layers: slices.Repeat([][]byte{archived(t, plain("x", "x"))}, 2000), env: looks("/x")}, says: []string{`at /x: -rw-r--r-- "x"`}},
		"padding":             {evil: evil{zipped: true, layers: [][]byte{append(archived(t, plain("x", "x")), make([]byte, 32<<20)...)}, env: looks("/x")}, says: []string{`at /x: -rw-r--r-- "x"`}},
		"no archive":          {evil: evil{layers: [][]byte{bytes.Repeat([]byte("no archive"), 1000)}}, why: notUnpacked, says: []string{"cannot be unpacked"}},
		"half an archive":     {evil: evil{layers: [][]byte{archived(t, plain("x", strings.Repeat("x", 10_000)))[:3000]}}, why: notUnpacked, says: []string{"cannot be unpacked", "unexpected EOF"}},
		"other contents": {evil: evil{layers: [][]byte{archived(t, plain("x", "x"))}, diffs: func(d []string) []string { return append(d[:1:1], "sha256:"+strings.Repeat("0", 64)) }},
			why: notUnpacked, says: []string{"content has digest"}},
		"fewer contents":              {evil: evil{diffs: func([]string) []string { return nil }}, why: notUnpacked, says: []string{"manifest has 1 layers, config 0"}},
		"no digest":                   {evil: evil{diffs: func([]string) []string { return []string{"sha256:../../../../etc/passwd"} }}, why: notUnpacked, says: []string{"cannot be unpacked"}},
		"no configuration":            {evil: evil{bytes: func([]byte) []byte { return []byte("[1") }}, why: notUnpacked, says: []string{"cannot be unpacked"}},
		"a configuration without end": {evil: evil{bytes: func(b []byte) []byte { return append(bytes.Repeat([]byte(" "), 9<<20), b...) }}, why: notUnpacked, says: []string{"cannot be unpacked"}},
		"too much of a variable":      {evil: evil{env: []string{"BIG=" + strings.Repeat("x", 4<<20)}}, why: notStarted},
		"another size":                {evil: evil{manifest: func(m map[string]any) { m["layers"].([]any)[0].(map[string]any)["size"] = 7 }, refused: "do not exist"}},
		"another digest": {evil: evil{manifest: func(m map[string]any) {
			m["layers"].([]any)[0].(map[string]any)["digest"] = "sha256:" + strings.Repeat("1", 64)
		}, refused: "do not exist"}},
		"a path for a digest": {evil: evil{manifest: func(m map[string]any) {
			m["layers"].([]any)[0].(map[string]any)["digest"] = "sha256:../../../../../../etc/passwd"
		}, refused: "Invalid descriptor"}},
		"a user of nobody":      {evil: evil{config: map[string]any{"User": "nobody-here"}}, why: notUnpacked, says: []string{`user "nobody-here" of the image`}},
		"a user too high":       {evil: evil{config: map[string]any{"User": "4294967295:4294967295"}}, why: notUnpacked, says: []string{"of the image"}},
		"a user below all":      {evil: evil{config: map[string]any{"User": "-1"}}, why: notUnpacked, says: []string{"of the image"}},
		"a user of the host":    {evil: evil{config: map[string]any{"User": "daemon"}, layers: [][]byte{archived(t, link("etc/passwd", "/etc/passwd"), link("etc/group", up+"/../../../../etc/group"))}}, why: notUnpacked, says: []string{`user "daemon" of the image`}},
		"another user":          {evil: evil{config: map[string]any{"User": "trainer"}, env: looks("/x")}, says: append([]string{"in / <nil> as 4711:4712"}, own...)},
		"no program":            {evil: evil{config: map[string]any{"Entrypoint": []string{"/none"}}}, why: notStarted},
		"a folder to run":       {evil: evil{config: map[string]any{"Entrypoint": []string{"/etc"}}}, why: notStarted},
		"a zero byte to run":    {evil: evil{config: map[string]any{"Entrypoint": []string{"/hostile\x00"}}}, why: notStarted},
		"a zero byte to see":    {evil: evil{env: []string{"A\x00B=c"}}, why: notStarted},
		"the runtime itself":    {evil: evil{config: map[string]any{"Entrypoint": []string{"/proc/self/exe"}}}, why: "AlgorithmError: "},
		"a link to the runtime": {evil: evil{config: map[string]any{"Entrypoint": []string{"/run"}}, layers: [][]byte{archived(t, link("run", "/proc/self/exe"))}}, why: "AlgorithmError: "},
		"the runtime's words": {evil: evil{env: append(looks(outside+"/victim"), "_LIBCONTAINER_INITPIPE=3", "_LIBCONTAINER_LOGPIPE=4", "_LIBCONTAINER_STATEDIR=/", "_LIBCONTAINER_FIFOFD=5", "LISTEN_FDS=9",
			"NOTIFY_SOCKET="+outside+"/notify", "LD_PRELOAD="+outside+"/victim", "GODEBUG=execerrdot=0", "PATH="+outside)}, says: []string{"nothing at " + outside + "/victim"}},
		"above the root": {evil: evil{config: map[string]any{"WorkingDir": "../../../../.." + outside}, env: looks("victim", up+"/victim")}, why: ""},
	}
	for _, dir := range []string{"opt", "opt/ml", "etc", "dev"} {
		all["a link for "+dir] = hostileImage{evil: evil{env: looks(outside+"/victim", "/outside"), layers: [][]byte{archived(t, link(dir, outside))}}}
		all["a way up for "+dir] = hostileImage{evil: evil{env: looks(outside+"/victim", "/outside"), layers: [][]byte{archived(t, link(dir, up))}}}
	}
	for _, dir := range []string{"/proc/self/fd/7", "/proc/self/fd/9/", "/proc/1/root", "/opt/ml/../../.."} {
		all["working in "+dir] = hostileImage{evil: evil{config: map[string]any{"WorkingDir": dir}, env: looks("victim", up+"/victim", "../../../../../../../.."+outside+"/victim")}}
	}
	binaries := v.binaries(t)
	jobs := map[string]string{}
	for name, x := range all {
		if x.env == nil && x.why == "" && x.refused == "" {
			t.Fatalf("%s has no program", name)
		}
		tag := slugged(name)
		p.push(t, tag, x.evil)
		if x.refused == "" {
			jobs[name] = "image-" + tag
			v.begin(t, jobs[name], registry+"/"+repository+":"+tag, nil)
		}
	}
	// What the client says of what it sends is not believed.
	p.send(t, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest=sha256:"+strings.Repeat("2", 64), "application/octet-stream", []byte("x"), http.StatusBadRequest)
	for _, path := range []string{"/v2/../../../etc/passwd/manifests/1", "/v2/" + repository + "/blobs/sha256:..%2f..%2f..%2fetc%2fpasswd", "/v2/" + repository + "/manifests/..%2f..%2f1", "/v2/..%2fevil/tags/list"} {
		p.send(t, http.MethodGet, path, "", nil, http.StatusNotFound, http.StatusBadRequest, http.StatusForbidden, http.StatusMovedPermanently, http.StatusTemporaryRedirect)
	}
	return func(t *testing.T) {
		for name, job := range jobs {
			t.Run(slugged(name), func(t *testing.T) { v.observe(t, job, all[name]) })
		}
		for name, was := range binaries {
			if now := v.binaries(t)[name]; now != was {
				t.Errorf("%s was %s and is %s", name, was, now)
			}
		}
	}
}

// observe waits for a job that runs a hostile image.
func (v *vpc) observe(t *testing.T, job string, x hostileImage) {
	status, reason := v.settled(t, job)
	said := reason
	if status == "Completed" {
		said = v.said(t, "/aws/sagemaker/TrainingJobs", job)
		if strings.Contains(said, "untouched") {
			t.Errorf("what is outside was read:\n%s", said)
		}
	}
	switch {
	case x.why != "" && (status != "Failed" || !strings.HasPrefix(reason, x.why)):
		t.Errorf("ended %s: %s\nthe log: %s", status, reason, said)
	case x.why == "" && len(x.says) > 0 && status != "Completed":
		t.Errorf("ended %s: %s", status, reason)
	case status == "Failed" && (reason == "" || strings.HasPrefix(reason, "InternalServerError")):
		t.Errorf("failed without a reason: %s", reason)
	case strings.Contains(reason, v.data):
		t.Errorf("the reason tells of the host: %s", reason)
	}
	for _, s := range x.says {
		if !strings.Contains(said, s) {
			t.Errorf("%s: %q is not in %s", status, s, said)
		}
	}
	t.Logf("%s: %s", status, reason)
}

// binaries are the programs of the host's that a container's start goes through, by their content.
func (v *vpc) binaries(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{v.binary, needProgram(t, "runc")} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = digestOf(b)
	}
	return out
}

// slugged is a text as a job's name.
func slugged(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, text), "-")
}

// victim makes a directory of the host's with one file, which nobody may read or change; unharmed says so.
func victim(t *testing.T) (dir string, unharmed func(t *testing.T)) {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "outside-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := filepath.Join(dir, "victim")
	if err := os.WriteFile(at, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, func(t *testing.T) {
		t.Helper()
		b, err := os.ReadFile(at)
		info, failed := os.Stat(at)
		all, _ := os.ReadDir(dir)
		if err != nil || failed != nil || string(b) != "untouched" || info.Mode() != 0o600 || len(all) != 1 {
			t.Errorf("outside there are %v; the file is %q, %v", all, b, fmt.Sprint(err, failed))
		}
	}
}
