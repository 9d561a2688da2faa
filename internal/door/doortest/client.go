package doortest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"cloister/internal/engine/sigv4"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/model"
)

// Client calls the house with one set of credentials by one path.
type Client struct {
	*House
	testing.TB
	Credentials sigv4.Credentials
	address     string
	http        *http.Client
	sign        bool
}

// As is a client on the internet.
func (h *House) As(t testing.TB, c sigv4.Credentials) *Client { return h.Via(t, c, h.address) }

// Via is a client of another door of the house.
func (h *House) Via(t testing.TB, c sigv4.Credentials, address string) *Client {
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{RootCAs: h.Authority.Pool()}, DisableCompression: true, MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &Client{House: h, TB: t, Credentials: c, address: address, http: &http.Client{Transport: tr}, sign: c.AccessKey != ""}
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Code   string // of the fault, empty when there is none
	Text   string // its message
}

// RequestID is what the answer is on record by.
func (a *Answer) RequestID() string {
	if id := a.Header.Get("X-Amzn-Requestid"); id != "" {
		return id
	}
	return a.Header.Get("X-Amz-Request-Id")
}

// JSON reads the body.
func (a *Answer) JSON(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
}

// XML gives the text of the first element with a name.
func (a *Answer) XML(name string) string {
	all := a.All(name)
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// All gives the texts of all elements with a name.
func (a *Answer) All(name string) (out []string) {
	d := xml.NewDecoder(bytes.NewReader(a.Body))
	for {
		tok, err := d.Token()
		if err != nil {
			return out
		}
		if s, ok := tok.(xml.StartElement); ok && s.Name.Local == name {
			var text struct {
				Text string `xml:",chardata"`
			}
			if d.DecodeElement(&text, &s) == nil {
				out = append(out, text.Text)
			}
		}
	}
}

// Query calls an operation of a query protocol; params are name, value, name, value.
func (c *Client) Query(service, action string, params ...string) *Answer {
	c.TB.Helper()
	m := model.MustLoad(service)
	form := url.Values{"Action": {action}, "Version": {m.APIVersion}}
	for i := 0; i+1 < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	r := c.Request(service, http.MethodPost, "/", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.Do(r, service)
}

// Call calls an operation of a JSON protocol with a body that is a JSON text.
func (c *Client) Call(service, operation, body string) *Answer {
	c.TB.Helper()
	m := model.MustLoad(service)
	r := c.Request(service, http.MethodPost, "/", body)
	r.Header.Set("Content-Type", "application/x-amz-json-"+m.JSONVersion)
	r.Header.Set("X-Amz-Target", m.TargetPrefix+"."+operation)
	return c.Do(r, service)
}

// Request makes a request to the first host of a service.
func (c *Client) Request(service, method, path, body string) *http.Request {
	c.TB.Helper()
	row, _ := catalogue.ByID(service)
	r, err := http.NewRequest(method, "https://"+catalogue.In(Region, row.Hosts[0])+path, strings.NewReader(body))
	if err != nil {
		c.TB.Fatal(err)
	}
	if body == "" {
		r.Body = http.NoBody
	}
	return r
}

// Sign signs a request for a service now.
func (c *Client) Sign(r *http.Request, service string) {
	scope := sigv4.Scope{Region: Region, Service: model.MustLoad(service).SigningName}
	var body []byte
	if r.GetBody != nil {
		b, err := r.GetBody()
		if err == nil {
			body, err = io.ReadAll(b)
		}
		if err != nil {
			c.TB.Fatal(err)
		}
	}
	sigv4.Sign(r, sigv4.Hash(body), c.Credentials, scope, c.Now())
}

// Do signs and sends.
func (c *Client) Do(r *http.Request, service string) *Answer {
	c.TB.Helper()
	if c.sign {
		c.Sign(r, service)
	}
	return c.Send(r)
}

// Send sends a request as it is and reads the answer.
func (c *Client) Send(r *http.Request) *Answer {
	c.TB.Helper()
	w, err := c.http.Do(r)
	if err != nil {
		c.TB.Fatal(err)
	}
	defer w.Body.Close()
	a := &Answer{Status: w.StatusCode, Header: w.Header}
	if a.Body, err = io.ReadAll(w.Body); err != nil {
		c.TB.Fatal(err)
	}
	if a.Status >= 300 {
		a.fault()
	}
	return a
}

// fault reads code and message in whichever dress they came.
func (a *Answer) fault() {
	var j struct {
		Type             string `json:"__type"`
		Message, MESSAGE string
	}
	if json.Unmarshal(a.Body, &j) == nil {
		a.Code, a.Text = j.Type, j.Message
		if a.Code == "" {
			a.Code = a.Header.Get("X-Amzn-Errortype")
		}
		return
	}
	a.Code, a.Text = a.XML("Code"), a.XML("Message")
}

func addr(s string) netip.Addr         { return netip.MustParseAddr(s) }
func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// Nobody is credentials with which nothing is signed.
var Nobody sigv4.Credentials
