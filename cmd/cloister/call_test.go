package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"cloister/internal/engine/reach"
	"cloister/internal/engine/sigv4"
	"cloister/internal/service/ec2"
	"cloister/internal/value/caller"
	"cloister/internal/value/catalogue"
)

// service is one whose calls are tried, by an operation that changes nothing and asks one question.
type service struct {
	id, action, method, path, target, body string
	denied                                 string // the code of a refusal
	bucket                                 bool   // it is asked of the estate's bucket, whose policy has a say
}

var services = []*service{
	{"sagemaker", "sagemaker:ListTrainingJobs", http.MethodPost, "/", "SageMaker.ListTrainingJobs", "{}", "AccessDeniedException", false},
	{"ec2", "ec2:DescribeVpcs", http.MethodPost, "/", "", "Action=DescribeVpcs&Version=2016-11-15", "UnauthorizedOperation", false},
	{"logs", "logs:DescribeLogGroups", http.MethodPost, "/", "Logs_20140328.DescribeLogGroups", "{}", "AccessDeniedException", false},
	{"iam", "iam:ListUsers", http.MethodPost, "/", "", "Action=ListUsers&Version=2010-05-08", "AccessDenied", false},
	{"s3", "s3:ListAllMyBuckets", http.MethodGet, "/", "", "", "AccessDenied", false},
	{"s3", "s3:ListBucket", http.MethodGet, "/?list-type=2", "", "", "AccessDenied", true},
}

// objects is what is asked of the bucket.
var objects = services[len(services)-1]

func serviceOf(id string) *service {
	return services[slices.IndexFunc(services, func(s *service) bool { return s.id == id })]
}

// sign signs a request now.
func sign(r *http.Request, body string, c sigv4.Credentials, service string) {
	sigv4.Sign(r, sigv4.Hash([]byte(body)), c, sigv4.Scope{Region: "us-east-1", Service: service}, time.Now())
}

const (
	patience = 20 * time.Second       // for what must happen
	silence  = 150 * time.Millisecond // for what must not
)

// attempt is a call that somebody tries: from a host, by a name, to a service.
type attempt struct {
	from, name string
	host       string // what the request and its certificate are for; a zone's names are nobody's there
	service    *service
	turn       int // which of several addresses
	users      []*user
}

// attempts are one call of each name from each host, by hosts.
func (e *estate) attempts() map[string][]attempt {
	all := map[string][]attempt{}
	ids := []string{ec2.InternetHost}
	for _, v := range e.n.VPCs {
		ids = append(ids, e.hosts(v.ID)...)
	}
	for _, from := range ids {
		add := func(s *service, name, host string) {
			a := attempt{from: from, name: name, host: host, service: s, turn: e.IntN(6)}
			for _, k := range e.Perm(len(e.users)) {
				u := e.users[k]
				if len(a.users) < 3 && (u.kind != "nobody" || s.bucket) && (u.session == nil || !s.bucket) {
					a.users = append(a.users, u)
				}
			}
			all[from] = append(all[from], a)
		}
		for _, s := range services {
			row, _ := catalogue.ByID(s.id)
			host := catalogue.In(e.conf.Region, row.Hosts[0])
			if s.bucket {
				host = e.bucket + "." + host
			}
			add(s, host, host)
		}
		for _, p := range e.endpoints {
			for _, n := range e.names(p) {
				name := strings.Replace(n.Text, "*", "bucket", 1)
				add(serviceOf(p.row.ID), name, name)
				if name != n.Text {
					add(objects, e.bucket+"."+name, e.bucket+"."+name)
				}
			}
		}
		for _, z := range e.zones {
			_, id := z.alias()
			p := e.known(id)
			host := catalogue.In(e.conf.Region, p.row.Hosts[0])
			for _, n := range z.names {
				add(serviceOf(p.row.ID), strings.Replace(n.Text, "*", "what.ever", 1), host)
			}
		}
	}
	return all
}

// try makes an attempt's calls, once it knows what the name is said to be, and demands what the law says of
// them; it tells what it met.
func (e *estate) try(x *reach.Index, a attempt, got []netip.Addr) (met []string, err error) {
	want := x.Lookup(a.from, a.name, 0)
	slices.SortFunc(want, netip.Addr.Compare)
	if slices.SortFunc(got, netip.Addr.Compare); !slices.Equal(got, want) {
		return nil, fmt.Errorf("it is %v, not %v", got, want)
	}
	if len(want) == 0 {
		return []string{"no name"}, nil
	}
	to := netip.AddrPortFrom(want[a.turn%len(want)], 443)
	path := x.Walk(reach.Probe{From: a.from, To: to})
	if path.Kind != reach.Accepted {
		if err := e.silent(a.from, to); err != nil {
			return nil, fmt.Errorf("%v should be %v: %w\n\t%v", to, path.Kind, err, path.Hops)
		}
		return []string{"no answer"}, nil
	}
	for _, u := range a.users {
		how, err := e.judged(a, u, to, &path.Origin)
		if err != nil {
			return nil, fmt.Errorf("%s at %v, by %+v: %w\n\t%s", u.name, to, path.Origin, err, u.law)
		}
		met = append(met, how)
	}
	return append(met, ways(x, a, &path)...), nil
}

// judged makes one call and demands the decision that the policies come to, and a true reason for a refusal.
func (e *estate) judged(a attempt, u *user, to netip.AddrPort, from *caller.Origin) (string, error) {
	v := view{principal: u.arn, action: a.service.action, endpoint: from.EndpointID, source: from.Source}
	own, session, endpoint, bucket := said{}, said{allow: true}, said{allow: true}, said{}
	for _, p := range e.endpoints {
		if p.id == from.EndpointID {
			v.vpc = p.vpc
			endpoint = p.law.says(v)
		}
	}
	switch {
	case u.kind == "root":
		own = said{allow: true}
	case u.kind != "nobody":
		own = u.law.says(v)
	}
	if u.session != nil {
		session = u.session.says(v)
	}
	if a.service.bucket {
		bucket = e.bucketLaw.says(v)
	}
	mine := (own.allow || bucket.allow) && session.allow && !own.deny && !session.deny && !bucket.deny
	status, id, body, err := e.call(a, u, to)
	if err != nil {
		return "", err
	}
	switch seen, err := e.seen(u, id); {
	case err != nil:
		return "", err
	case seen != nil && *seen != *from:
		return "", fmt.Errorf("the door saw %+v", *seen)
	case mine && endpoint.yes() && status == http.StatusOK:
		return "allowed", nil
	case mine && endpoint.yes(), !strings.Contains(body, a.service.denied):
		return "", fmt.Errorf("answered %d %s; own policy %v, session's %v, bucket's %v, endpoint's %v", status, body, own, session, bucket, endpoint)
	}
	why := map[string]bool{
		"because no VPC endpoint policy allows": !endpoint.allow, "with an explicit deny in a VPC endpoint policy": endpoint.deny,
		"because no identity-based policy allows": !own.allow, "with an explicit deny in an identity-based policy": own.deny,
		"because no session policy allows": !session.allow, "with an explicit deny in a session policy": session.deny,
		"with an explicit deny in a resource-based policy": bucket.deny,
	}
	told := u.kind == "nobody"
	for sentence, is := range why {
		if strings.Contains(body, sentence) {
			if told = true; !is {
				return "", fmt.Errorf("refused for no such reason: %s", body)
			}
		}
	}
	if !told {
		return "", fmt.Errorf("refused without a reason: %s", body)
	}
	return map[[2]bool]string{{false, true}: "denied to the caller", {true, false}: "denied by an endpoint's policy", {false, false}: "denied by both"}[[2]bool{mine, endpoint.yes()}], nil
}

// seen is by which way the door says that a call came; calls of nobody are in no account's record.
func (e *estate) seen(u *user, id string) (*caller.Origin, error) {
	if u.kind == "nobody" {
		return nil, nil
	}
	entry, err := e.audit.Find(context.Background(), e.conf.Account, id)
	if err != nil || entry == nil {
		return nil, fmt.Errorf("the call is not on record: %v", err)
	}
	return &entry.Caller.Origin, nil
}

// ways tells of what kinds a way was.
func ways(x *reach.Index, a attempt, p *reach.Path) (met []string) {
	note := func(is bool, what string) {
		if is {
			met = append(met, what)
		}
	}
	o, vpc := &p.Origin, x.VPC(a.from)
	note(o.Place == caller.Endpoint && o.EndpointInterface != "", "at an interface endpoint")
	note(o.Place == caller.Endpoint && o.EndpointInterface == "", "at a gateway endpoint")
	note(o.Place == caller.Endpoint && o.VPC != vpc, "at an endpoint, over the peering")
	note(o.Place == caller.Internet && vpc == "", "at a door, from outside")
	through := strings.Contains(fmt.Sprint(p.Hops), "-> eni-")
	note(o.Place == caller.Internet && vpc != "" && !through, "at a door, from an elastic address")
	note(o.Place == caller.Internet && vpc != "" && through, "at a door, through NAT")
	note(a.name != a.host, "by a zone's name")
	note(strings.Contains(a.name, "vpce-") && a.name == a.host, "by an endpoint's own name")
	return met
}

// lookups asks a host's resolver for names, all over one connection: it takes few from one host at a time.
func (e *estate) lookups(x *reach.Index, from string, names []string) (map[string][]netip.Addr, error) {
	resolver := netip.AddrPortFrom(x.Resolver(from).Servers[0], 53)
	if x.Walk(reach.Probe{From: from, To: resolver}).Kind != reach.Answered {
		return nil, e.silent(from, resolver)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := e.fabric.Dial(ctx, from, resolver)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	found := map[string][]netip.Addr{}
	for _, name := range names {
		c.SetDeadline(time.Now().Add(patience))
		if found[name], err = question(&dns.Conn{Conn: c}, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return found, nil
}

func question(d *dns.Conn, name string) (list []netip.Addr, err error) {
	if err := d.WriteMsg(new(dns.Msg).SetQuestion(name+".", dns.TypeA)); err != nil {
		return nil, err
	}
	reply, err := d.ReadMsg()
	if err != nil {
		return nil, err
	}
	for _, rr := range reply.Answer {
		if a, is := rr.(*dns.A); is {
			at, _ := netip.AddrFromSlice(a.A.To4())
			list = append(list, at)
		}
	}
	return list, nil
}

// silent demands that nothing answers.
func (e *estate) silent(from string, to netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	c, err := e.fabric.Dial(ctx, from, to)
	if err == nil {
		c.Close()
		return errors.New("it is answered")
	}
	var late net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout() {
		return nil
	}
	return err
}

// call makes one signed call over TLS from inside a namespace.
func (e *estate) call(a attempt, u *user, to netip.AddrPort) (status int, id, body string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	raw, err := e.fabric.Dial(ctx, a.from, to)
	if err != nil {
		return 0, "", "", err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(patience))
	c := tls.Client(raw, &tls.Config{RootCAs: e.authority.Pool(), ServerName: a.host})
	r, err := http.NewRequest(a.service.method, "https://"+a.host+a.service.path, strings.NewReader(a.service.body))
	if err != nil {
		return 0, "", "", err
	}
	if a.service.target != "" {
		r.Header.Set("X-Amz-Target", a.service.target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	} else if a.service.body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	} else {
		r.Body = http.NoBody
	}
	if u.kind != "nobody" {
		sign(r, a.service.body, u.Credentials, a.service.id)
	}
	if err := r.Write(c); err != nil {
		return 0, "", "", err
	}
	w, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		return 0, "", "", err
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if id = w.Header.Get("X-Amzn-Requestid"); id == "" {
		id = w.Header.Get("X-Amz-Request-Id")
	}
	return w.StatusCode, id, string(b), err
}
