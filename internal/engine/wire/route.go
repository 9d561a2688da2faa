package wire

import (
	"net/url"
	"strings"
	"sync"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// Route finds the operation that a request calls, from its head and, for the query protocols, its form.
// S3 requests name the bucket in the path. The error is a *fault.Fault.
func Route(svc *model.Service, r *Request) (*model.Operation, error) {
	var name string
	switch svc.Protocol {
	case "json":
		prefix, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if prefix == svc.TargetPrefix {
			name = action
		}
	case "query", "ec2":
		if name = action(r.RawQuery); name == "" && r.Method != "GET" {
			name = action(string(r.Bytes))
		}
		if name == "" {
			return nil, noAction(svc)
		}
	default:
		return routeREST(svc, r)
	}
	if op := svc.Operations[name]; op != nil {
		return op, nil
	}
	return nil, Unknown(svc, name)
}

// Unknown is the answer to an operation that is not there, in the service's words.
func Unknown(svc *model.Service, name string) *fault.Fault {
	switch svc.Protocol {
	case "ec2":
		return invalidAction.New("The action %s is not valid for this web service.", clip(name))
	case "query":
		return invalidAction.New("Could not find operation %s for version %s", clip(name), svc.APIVersion)
	case "rest-xml":
		if !svc.Objects() {
			return invalidAction.New("Could not find an operation of this path for version %s", svc.APIVersion)
		}
		return notAllowed.New("The specified method is not allowed against this resource.")
	case "json":
		return fault.Kind{Code: unknownOperation.Code, Status: 400}.New("")
	}
	return unknownOperation.New("")
}

func noAction(svc *model.Service) *fault.Fault {
	if svc.Protocol == "ec2" {
		return missingParameter.New("The request must contain the parameter Action")
	}
	return missingAction.New("The request is missing an action or a required parameter.")
}

// action finds the parameter Action without reading the whole form.
func action(form string) string {
	found := ""
	for form != "" {
		var pair string
		pair, form, _ = strings.Cut(form, "&")
		if v, ok := strings.CutPrefix(pair, "Action="); ok {
			if s, err := url.QueryUnescape(v); err == nil {
				found = s
			}
		}
	}
	return found
}

// route is where a REST operation listens.
type route struct {
	op       *model.Operation
	segments []string // "{Name}" for a label
	greedy   string   // the label that takes the rest of the path
	tail     []string // the segments behind it
	query    [][2]string
	// needs are the query parameters and headers that the model requires; they tell apart operations
	// that share a path.
	needs []*model.Member
}

type routeTable struct {
	routes map[*model.Operation]*route
	method map[string][]*route
}

var routeTables sync.Map // *model.Service to *routeTable

func tableOf(svc *model.Service) *routeTable {
	if t, ok := routeTables.Load(svc); ok {
		return t.(*routeTable)
	}
	t := &routeTable{routes: map[*model.Operation]*route{}, method: map[string][]*route{}}
	for _, op := range svc.Operations {
		x := newRoute(op)
		t.routes[op] = x
		t.method[op.Method] = append(t.method[op.Method], x)
	}
	v, _ := routeTables.LoadOrStore(svc, t)
	return v.(*routeTable)
}

func routeOf(op *model.Operation) *route { return tableOf(op.Service).routes[op] }

func newRoute(op *model.Operation) *route {
	x := &route{op: op}
	path, query, _ := strings.Cut(op.Path, "?")
	for s := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name, ok := strings.CutSuffix(s, "+}"); ok {
			x.greedy = name[1:]
		} else if x.greedy != "" {
			x.tail = append(x.tail, s)
		} else if s != "" {
			x.segments = append(x.segments, s)
		}
	}
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" {
			k, v, _ := strings.Cut(pair, "=")
			x.query = append(x.query, [2]string{k, v})
		}
	}
	if op.Input == nil {
		return x
	}
	for _, m := range op.Input.Members {
		if m.Location == "querystring" || m.Location == "header" {
			for _, required := range op.Input.Required {
				if required == m.Name {
					x.needs = append(x.needs, m)
				}
			}
		}
	}
	return x
}

// match gives the labels of a path that fits; the query is not looked at.
func (x *route) match(r *Request) (map[string]string, bool) {
	labels := map[string]string{}
	rest := strings.TrimPrefix(r.Path, "/")
	for _, s := range x.segments {
		part, after, _ := strings.Cut(rest, "/")
		rest = after
		if !take(labels, s, part) {
			return nil, false
		}
	}
	if x.greedy == "" {
		return labels, rest == ""
	}
	if len(x.tail) > 0 {
		rest = strings.TrimSuffix(rest, "/")
	}
	for i := len(x.tail) - 1; i >= 0; i-- {
		at := strings.LastIndexByte(rest, '/')
		if at < 0 || !take(labels, x.tail[i], rest[at+1:]) {
			return nil, false
		}
		rest = rest[:at]
	}
	text, err := url.PathUnescape(rest)
	labels[x.greedy] = text
	return labels, err == nil && rest != ""
}

// take compares a segment of a path with that of a route, and notes what a label stands for.
func take(labels map[string]string, s, part string) bool {
	if s[0] != '{' {
		return part == s
	}
	text, err := url.PathUnescape(part)
	labels[s[1:len(s)-1]] = text
	return err == nil && part != ""
}

// weight tells how well the query and headers fit: first the fixed parameters, then that all needed
// ones are there, then how many they are. It is negative when a fixed parameter is missing.
func (x *route) weight(r *Request, query map[string][]string) int {
	for _, q := range x.query {
		values, ok := query[q[0]]
		if !ok || q[1] != "" && values[0] != q[1] {
			return -1
		}
	}
	w := len(x.query) * 1000
	for _, m := range x.needs {
		there := r.Header.Get(m.Wire) != ""
		if m.Location == "querystring" {
			_, there = query[m.Wire]
		}
		if !there {
			return w
		}
	}
	return w + 100 + len(x.needs)
}

func routeREST(svc *model.Service, r *Request) (*model.Operation, error) {
	query := parseQuery(r.RawQuery)
	var best *route
	top := -1
	for _, x := range tableOf(svc).method[r.Method] {
		w := x.weight(r, query)
		if w < 0 || w < top || w == top && best != nil && best.op.Name < x.op.Name {
			continue
		}
		if _, ok := x.match(r); ok {
			best, top = x, w
		}
	}
	if best != nil {
		return best.op, nil
	}
	if _, err := url.PathUnescape(r.Path); err != nil {
		return nil, invalidURI.New("Couldn't parse the specified URI.")
	}
	f := Unknown(svc, "")
	if svc.Objects() {
		f = f.With("Method", clip(r.Method)).With("ResourceType", resourceType(r.Path))
	}
	return nil, f
}

func resourceType(path string) string {
	bucket, key, _ := strings.Cut(strings.Trim(path, "/"), "/")
	switch {
	case key != "":
		return "OBJECT"
	case bucket != "":
		return "BUCKET"
	}
	return "SERVICE"
}
