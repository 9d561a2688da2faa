package sts_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/frame/audit"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/issuer"
	"cloister/internal/value/caller"
)

// provider is an issuer, and tokens of it.
func provider(t *testing.T, h *doortest.House) (url string, token func(subject string, more map[string]any) string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var s *httptest.Server
	s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any = map[string]string{"issuer": s.URL, "jwks_uri": s.URL + "/keys"}
		if r.URL.Path == "/keys" {
			body = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}}
		}
		json.NewEncoder(w).Encode(body) //nolint:errcheck // the client is the test
	}))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	if h.STS.Issuers, err = issuer.New(h.Now, issuer.Config{URL: s.URL, Roots: roots}); err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	return s.URL, func(subject string, more map[string]any) string {
		c := jwt.Claims{Issuer: s.URL, Subject: subject, Audience: jwt.Audience{"app"}, IssuedAt: jwt.NewNumericDate(h.Now()), Expiry: jwt.NewNumericDate(h.Now().Add(time.Hour))}
		text, err := jwt.Signed(signer).Claims(c).Claims(more).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

func TestATokenTakesOnARoleThatTrustsItsIssuer(t *testing.T) {
	h := doortest.Open(t)
	url, token := provider(t, h)
	host := strings.TrimPrefix(url, "https://")
	arn := "arn:aws:iam::111122223333:oidc-provider/" + host
	trust := func(condition string, actions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + arn + `"},"Action":[` + actions + `],"Condition":` + condition + `}]}`
	}
	mine := `{"StringEquals":{"` + host + `:aud":"app"},"StringLike":{"` + host + `:sub":"repo:*"}}`
	const plain = `"sts:AssumeRoleWithWebIdentity"`
	reads := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:FederatedProvider":"` + arn + `","` + host + `:sub":"repo:a"}}}]}`
	web := made(t, h, "web", trust(mine, plain), reads)
	nobody := h.As(t, doortest.Nobody)
	ask := func(role, token string, more ...string) *doortest.Answer {
		t.Helper()
		return nobody.Query("sts", "AssumeRoleWithWebIdentity", append([]string{"RoleArn", role, "RoleSessionName", "one", "WebIdentityToken", token}, more...)...)
	}
	ask(web, token("repo:a", nil)).Fault(t, 400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+url)
	h.Directory.SetProvider(&directory.Provider{ARN: arn, Account: doortest.Account, URL: host, ClientIDs: []string{"app"}})

	a := ask(web, token("repo:a", nil)).Good(t)
	if a.XML("SubjectFromWebIdentityToken") != "repo:a" || a.XML("Audience") != "app" || a.XML("Provider") != url || a.XML("Arn") != "arn:aws:sts::111122223333:assumed-role/web/one" {
		t.Errorf("%s", a.Body)
	}
	session := h.As(t, keys(t, a))
	session.Query("iam", "ListUsers").Good(t)
	h.As(t, keys(t, ask(web, token("repo:b", nil)))).Query("iam", "ListUsers").Fault(t, 403, "AccessDenied",
		"User: arn:aws:sts::111122223333:assumed-role/web/one is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no identity-based policy allows the iam:ListUsers action")
	signed := h.As(t, h.User(t, "eve", "")) // a signature is not needed, and does no harm
	signed.Query("sts", "AssumeRoleWithWebIdentity", "RoleArn", web, "RoleSessionName", "one", "WebIdentityToken", token("repo:a", nil)).Good(t)

	const no = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	ask(web, token("ann", nil)).Fault(t, 403, "AccessDenied", no)
	ask("arn:aws:iam::111122223333:role/none", token("repo:a", nil)).Fault(t, 403, "AccessDenied", no)
	account := made(t, h, "account", open("", "sts:*"), doortest.Allow("*"))
	ask(account, token("repo:a", nil)).Fault(t, 403, "AccessDenied", no)
	ask(web, token("repo:a", map[string]any{"aud": "another"})).Fault(t, 400, "InvalidIdentityToken", "Incorrect token audience")
	ask(web, token("repo:a", map[string]any{"azp": "another"})).Fault(t, 400, "InvalidIdentityToken", "Incorrect token audience")
	ask(web, "nonsense").Fault(t, 400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	ask(web, token("repo:a", nil)[:60]).Fault(t, 400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	ask(web, token("repo:a", nil), "ProviderId", "www.amazon.com").Fault(t, 400, "InvalidParameterValue", "ProviderId is not supported by Cloister: tokens are OpenID Connect's, which name their issuer.")
	ask(web, token("repo:a", nil), "DurationSeconds", "3601").Fault(t, 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	ask("nothing-valid-in-here", token("repo:a", nil)).Fault(t, 400, "ValidationError", "nothing-valid-in-here is invalid")
	past := h.Now().Add(-time.Minute).Unix()
	ask(web, token("repo:a", map[string]any{"exp": past})).Fault(t, 400, "ExpiredTokenException", fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", h.Now().Unix(), past))

	// Tags and a source identity in the token are asked for like those of a request.
	tagged := map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"team": {"red"}}, "transitive_tag_keys": []string{"team"}}, "https://aws.amazon.com/source_identity": "ann"}
	ask(web, token("repo:a", tagged)).Fault(t, 403, "AccessDenied", "User: "+arn+" is not authorized to perform: sts:TagSession on resource: "+web)
	wide := made(t, h, "wide", trust(`{"StringEquals":{"aws:RequestTag/team":"red"},"Null":{"aws:PrincipalTag/team":"true"}}`, plain+`,"sts:TagSession","sts:SetSourceIdentity"`),
		doortest.AllowIf(`{"StringEquals":{"aws:PrincipalTag/team":"red","aws:SourceIdentity":"ann"}}`, "*"))
	b := ask(wide, token("repo:a", tagged)).Good(t)
	if b.XML("SourceIdentity") != "ann" {
		t.Errorf("%s", b.Body)
	}
	h.As(t, keys(t, b)).Query("iam", "ListUsers").Good(t)

	// The endpoint that it came by has its say.
	h.Directory.SetEndpoint(&directory.Endpoint{ID: "vpce-0none", Account: doortest.Account})
	through := h.Via(t, doortest.Nobody, h.Through(doortest.Endpoint("vpce-0gone", "sts")))
	through.Query("sts", "AssumeRoleWithWebIdentity", "RoleArn", web, "RoleSessionName", "one", "WebIdentityToken", token("repo:a", nil)).Fault(t, 403, "AccessDenied", no)

	h.Directory.RemoveProvider(arn)
	ask(web, token("repo:a", nil)).Fault(t, 400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+url)
	if log := h.Log.String(); strings.Contains(log, "eyJ") {
		t.Error("the log holds a token")
	}
}

// The call of a token is on record in the account of the role, as one call, by whomever the token names; other
// accounts know nothing of it. A role that there is not has no account.
func TestTheRolesAccountHasTheRecordOfATokensCall(t *testing.T) {
	h := doortest.Open(t)
	url, token := provider(t, h)
	host := strings.TrimPrefix(url, "https://")
	arn := "arn:aws:iam::111122223333:oidc-provider/" + host
	web := made(t, h, "web", `{"Version":"2012-10-17","Statement":[{"Sid":"Trusted","Effect":"Allow","Principal":{"Federated":"`+arn+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+host+`:sub":"repo:a"}}}]}`, "")
	ask := func(role, token string) string {
		t.Helper()
		a := h.As(t, doortest.Nobody).Query("sts", "AssumeRoleWithWebIdentity", "RoleArn", role, "RoleSessionName", "one", "WebIdentityToken", token)
		return a.RequestID()
	}
	find := func(account, id string) *audit.Entry {
		t.Helper()
		e, err := h.Audit.Find(t.Context(), account, id)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := h.Audit.Find(t.Context(), doortest.Other, id); other != nil || err != nil {
			t.Errorf("another account finds %+v, %v", other, err)
		}
		return e
	}
	e := find(doortest.Account, ask(web, token("repo:a", nil)))
	if e == nil || e.Code != "InvalidIdentityToken" || e.Identity.Kind != caller.Anonymous || len(e.Decisions) != 0 || e.Status != 400 {
		t.Errorf("without a provider: %+v", e)
	}
	h.Directory.SetProvider(&directory.Provider{ARN: arn, Account: doortest.Account, URL: host, ClientIDs: []string{"app"}})
	e = find(doortest.Account, ask(web, token("repo:a", nil)))
	if e == nil || e.Code != "" || e.Status != 200 || e.Identity.Kind != caller.Federated || e.Identity.ID != "repo:a" || len(e.Decisions) != 1 || e.Decisions[0].Sid != "Trusted" || e.Origin.Place != caller.Internet {
		t.Errorf("let in: %+v", e)
	}
	id := ask(web, token("ann", nil))
	e = find(doortest.Account, id)
	if e == nil || e.Code != "AccessDenied" || e.Identity.ID != "ann" || len(e.Decisions) != 1 || e.Decisions[0].Effect != policy.ImplicitDeny || len(e.Decisions[0].Policies) != 1 || e.Decisions[0].Policies[0].Hidden {
		t.Errorf("denied: %+v", e)
	}
	if e := find(doortest.Account, ask("arn:aws:iam::111122223333:role/none", "nonsense")); e != nil {
		t.Errorf("a role that there is not: %+v", e)
	}
	h.Restart()
	if e := find(doortest.Account, id); e == nil || e.Trail().UserIdentity.IdentityProvider != arn || e.Trail().RecipientAccountID != doortest.Account {
		t.Errorf("after a restart: %+v", e)
	}
}

func TestNobodyElseComesWithoutASignature(t *testing.T) {
	h := doortest.Open(t)
	for _, operation := range []string{"AssumeRole", "GetSessionToken", "GetCallerIdentity", "GetFederationToken"} {
		h.As(t, doortest.Nobody).Query("sts", operation, "Name", "fay", "RoleArn", roleARN, "RoleSessionName", "one").
			Fault(t, 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
}
