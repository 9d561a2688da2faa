package door

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloister/internal/machine/fabric"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
)

// Held are the credentials of a workload.
type Held struct {
	// Path is where a container asks, unguessable. An instance has none, and asks where instances do.
	Path                     string
	RoleARN, ProfileARN      string
	AccessKey, Secret, Token string
	Updated, Expires         time.Time
}

// Holder knows the credentials of workloads by their interfaces. ok is false for one that it knows nothing of; an
// error says that there are none now.
type Holder interface {
	Held(ctx context.Context, eni string) (h Held, ok bool, err error)
}

// Metadata tells workloads their own credentials, as the container and instance metadata addresses of AWS do.
//
// It promises that who is told is known by the interface that a connection came from, which the fabric says and no
// byte of the client can alter; and that instances' are told only to who shows a token of the same interface.
type Metadata struct {
	Holders []Holder
	Clock   func() time.Time
	Log     *slog.Logger
	key     [32]byte
}

// NewMetadata makes one; its tokens are worth nothing to the next.
func NewMetadata(clock func() time.Time, log *slog.Logger, holders ...Holder) *Metadata {
	m := &Metadata{Holders: holders, Clock: clock, Log: log}
	rand.Read(m.key[:])
	return m
}

type askerKey struct{}

// Serve answers the connections of a fabric's Metadata listener until ctx is done. Others are closed unread.
func (m *Metadata) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler: m, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(m.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			asker := ""
			if f, ok := c.(fabric.Conn); ok && f.Origin().Place == caller.Metadata {
				asker = f.Origin().Interface
			}
			if asker == "" {
				c.Close()
			}
			return context.WithValue(ctx, askerKey{}, asker)
		},
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	err := s.Serve(newFair(l)) // no workload holds all the connections that there are
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// ServeHTTP answers one question.
func (m *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	eni, _ := r.Context().Value(askerKey{}).(string)
	target, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	switch {
	case eni == "":
		refuse(w, http.StatusForbidden)
	case host(target) == containerHost:
		m.container(w, r, eni)
	case host(target) == instanceHost:
		m.instance(w, r, eni)
	default:
		refuse(w, http.StatusNotFound)
	}
}

const (
	containerHost = "169.254.170.2"
	instanceHost  = "169.254.169.254"
)

func host(a net.Addr) string {
	if a == nil {
		return ""
	}
	h, _, _ := net.SplitHostPort(a.String())
	return h
}

// held asks the holders in their order.
func (m *Metadata) held(r *http.Request, eni string) (Held, bool, error) {
	for _, h := range m.Holders {
		if x, ok, err := h.Held(r.Context(), eni); ok {
			if err != nil {
				m.Log.Warn("no credentials for a workload", "interface", eni, "role", x.RoleARN, "error", err)
			}
			return x, true, err
		}
	}
	return Held{}, false, nil
}

// container is the address of containers' credentials, whose path is a secret of the one container.
func (m *Metadata) container(w http.ResponseWriter, r *http.Request, eni string) {
	if r.Method != http.MethodGet {
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	h, ok, err := m.held(r, eni)
	switch {
	case !ok || h.Path == "" || !hmac.Equal([]byte(h.Path), []byte(r.URL.Path)):
		tell(w, http.StatusBadRequest, map[string]any{"code": "InvalidIdInRequest", "message": "CredentialsV2Request: ID not found", "HTTPErrorCode": 400})
	case err != nil:
		tell(w, http.StatusServiceUnavailable, map[string]any{"code": "CredentialsUninitialized", "message": "CredentialsV2Request: Credentials uninitialized for ID", "HTTPErrorCode": 503})
	default:
		tell(w, http.StatusOK, map[string]any{
			"RoleArn": h.RoleARN, "AccessKeyId": h.AccessKey, "SecretAccessKey": h.Secret, "Token": h.Token, "Expiration": stamp(h.Expires),
		})
	}
}

// Headers of instance metadata, version 2. Version 1, without tokens, is not served.
const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	tokenLife   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	longestLife = 21600
)

const roles = "/latest/meta-data/iam/security-credentials/"

// instance is the address of instances' metadata, of which there is what leads to credentials.
func (m *Metadata) instance(w http.ResponseWriter, r *http.Request, eni string) {
	if r.URL.Path == "/latest/api/token" {
		m.token(w, r, eni)
		return
	}
	switch {
	case !m.valid(r.Header.Get(tokenHeader), eni):
		refuse(w, http.StatusUnauthorized)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	h, ok, err := m.held(r, eni)
	if !ok || h.Path != "" {
		refuse(w, http.StatusNotFound)
		return
	}
	name := roleName(h.RoleARN)
	switch r.URL.Path {
	case roles, strings.TrimSuffix(roles, "/"):
		text(w, name)
	case roles + name:
		m.session(w, &h, err)
	case "/latest/meta-data/iam/info":
		tell(w, http.StatusOK, map[string]any{"Code": "Success", "LastUpdated": stamp(h.Updated), "InstanceProfileArn": h.ProfileARN})
	case "/latest/meta-data/iam", "/latest/meta-data/iam/":
		text(w, "info\nsecurity-credentials/")
	case "/latest/meta-data", "/latest/meta-data/":
		text(w, "iam/")
	default:
		refuse(w, http.StatusNotFound)
	}
}

func (m *Metadata) session(w http.ResponseWriter, h *Held, err error) {
	if err != nil {
		tell(w, http.StatusOK, map[string]any{"Code": "AssumeRoleUnauthorizedAccess",
			"Message":     "EC2 cannot assume the role " + roleName(h.RoleARN) + ". Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.",
			"LastUpdated": stamp(m.Clock())})
		return
	}
	tell(w, http.StatusOK, map[string]any{"Code": "Success", "LastUpdated": stamp(h.Updated), "Type": "AWS-HMAC",
		"AccessKeyId": h.AccessKey, "SecretAccessKey": h.Secret, "Token": h.Token, "Expiration": stamp(h.Expires)})
}

// token begins a session of instance metadata. Who asks for somebody else, as a proxy does, gets none.
func (m *Metadata) token(w http.ResponseWriter, r *http.Request, eni string) {
	if r.Method != http.MethodPut {
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if len(r.Header.Values("X-Forwarded-For")) > 0 {
		refuse(w, http.StatusForbidden)
		return
	}
	life, err := strconv.Atoi(r.Header.Get(tokenLife))
	if err != nil || life < 1 || life > longestLife {
		refuse(w, http.StatusBadRequest)
		return
	}
	w.Header().Set(tokenLife, strconv.Itoa(life))
	text(w, m.sign(eni, m.Clock().Add(time.Duration(life)*time.Second)))
}

// sign makes a token: until when it is good, and a seal that has the interface in it.
func (m *Metadata) sign(eni string, until time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	return base64.URLEncoding.EncodeToString(append(b, m.seal(b, eni)...))
}

func (m *Metadata) seal(b []byte, eni string) []byte {
	h := hmac.New(sha256.New, m.key[:])
	h.Write(b)
	io.WriteString(h, eni)
	return h.Sum(nil)
}

func (m *Metadata) valid(token, eni string) bool {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) != 8+sha256.Size || !hmac.Equal(b[8:], m.seal(b[:8], eni)) {
		return false
	}
	return m.Clock().Unix() < int64(binary.BigEndian.Uint64(b[:8]))
}

func roleName(role string) string {
	a, err := arn.Parse(role)
	if err != nil {
		return ""
	}
	return a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func text(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	io.WriteString(w, body) //nolint:errcheck // who asked is gone
}

func tell(w http.ResponseWriter, status int, body map[string]any) {
	b, err := json.Marshal(body)
	if err != nil {
		refuse(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b) //nolint:errcheck // who asked is gone
}

func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	io.WriteString(w, strconv.Itoa(status)+" - "+http.StatusText(status)) //nolint:errcheck // who asked is gone
}
