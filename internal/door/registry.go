package door

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"cloister/internal/engine/wire"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
)

// The registry's callers bring no signature but the password that ecr:GetAuthorizationToken gave, or come with the
// address of one layer that ecr:GetDownloadUrlForLayer gave. Each stands for who asked for it, and for no more.

var (
	notLoggedIn = fault.Kind{Code: "UNAUTHORIZED", Status: 401}
	loginEnded  = fault.Kind{Code: "DENIED", Status: 403}
)

// login fills in the Identity of a registry's caller.
func (d *Door) login(ctx context.Context, x *exchange) error {
	purpose, pass := directory.RegistryPass(x.Region), ""
	if text, ok := layerPass(x.request); ok {
		purpose, pass = directory.LayerPass(x.Region, x.request.Path), text
	} else if pass, ok = password(first(x.request.Header, "Authorization")); !ok {
		return x.challenge("Not Authorized")
	}
	id, err := d.Directory.Passed(purpose, pass)
	switch {
	case errors.Is(err, directory.ErrExpired):
		return loginEnded.New("Your authorization token has expired. Reauthenticate and try again.")
	case err != nil:
		return x.challenge("Not Authorized")
	}
	x.Caller.Identity = id
	if wire.Streams(x.Call.Operation.Model) {
		if r := x.request; r.Body != nil && r.Length >= 0 {
			r.Body = &exactly{r.Body, r.Length}
		}
		return nil
	}
	leave, err := d.room(ctx, x, id.Account, d.MaxBody)
	if err != nil {
		return err
	}
	defer leave()
	if err := buffered(x.request, d.MaxBody); err != nil {
		return err
	}
	return d.keep(ctx, x, id.Account)
}

// exactly is a body that must have as many bytes as was said: one that ends early is none.
type exactly struct {
	from io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.from.Read(p)
	if e.left -= int64(n); err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// challenge asks for a password.
func (x *exchange) challenge(message string) error {
	x.Caller.Identity = caller.Identity{Kind: caller.Anonymous, ARN: "anonymous", PrincipalARN: "anonymous", ID: "anonymous"}
	return notLoggedIn.New("%s", message).With("Realm", "https://"+hostname(x.request.Host)+"/")
}

// layerPass is what stands in the address of a layer; it opens nothing else.
func layerPass(r *wire.Request) (string, bool) {
	if r.Method != "GET" && r.Method != "HEAD" {
		return "", false
	}
	for pair := range strings.SplitSeq(r.RawQuery, "&") {
		if v, ok := strings.CutPrefix(pair, "X-Cloister-Pass="); ok {
			return v, true
		}
	}
	return "", false
}

// password reads Basic credentials, whose user is always AWS.
func password(header string) (string, bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if !strings.EqualFold(scheme, "Basic") || err != nil {
		return "", false
	}
	user, password, _ := strings.Cut(string(text), ":")
	return password, user == "AWS"
}
