// Package flowlog writes VPC flow log records: the default format and custom ones (facts privatelink 9.1).
//
// It promises that a line has a value or a dash for every field of its format. It must not know where
// flows come from or where lines go.
package flowlog

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Default is the format of a flow log that names none.
const Default = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"

// Record is what passed one interface in one direction of one flow, in one window.
type Record struct {
	Account, Interface, VPC, Subnet string
	Region, ZoneID                  string
	// Source and Target have the interface's own address always as its private one; PacketSource and
	// PacketTarget are those of the packet itself.
	Source, Target               netip.AddrPort
	PacketSource, PacketTarget   netip.Addr
	Protocol                     int
	Packets, Bytes               uint64
	Start, End                   int64 // Unix seconds
	Accepted, Egress             bool
	SourceService, TargetService string // "S3" where an address is in a service's ranges
	Path                         int    // traffic-path; 0 is none
}

// Status is what a line says of its window.
type Status string

const (
	OK       Status = "OK"
	NoData   Status = "NODATA"   // nothing passed the interface
	SkipData Status = "SKIPDATA" // something was not recorded
)

// Format is a parsed log format.
type Format struct{ fields []string }

// writers give the value of each field; a field of none of them is not known. Those that this Cloister
// has no value for give a dash.
var writers = map[string]func(*Record) string{
	"version":    nil, // of the format
	"log-status": nil, // of the line
	"account-id": func(r *Record) string { return r.Account }, "interface-id": func(r *Record) string { return r.Interface },
	"srcaddr": func(r *Record) string { return address(r.Source.Addr()) }, "dstaddr": func(r *Record) string { return address(r.Target.Addr()) },
	"srcport": func(r *Record) string { return strconv.Itoa(int(r.Source.Port())) }, "dstport": func(r *Record) string { return strconv.Itoa(int(r.Target.Port())) },
	"protocol": func(r *Record) string { return strconv.Itoa(r.Protocol) }, "packets": func(r *Record) string { return strconv.FormatUint(r.Packets, 10) },
	"bytes": func(r *Record) string { return strconv.FormatUint(r.Bytes, 10) }, "start": func(r *Record) string { return strconv.FormatInt(r.Start, 10) },
	"end": func(r *Record) string { return strconv.FormatInt(r.End, 10) }, "action": action,
	"vpc-id": func(r *Record) string { return r.VPC }, "subnet-id": func(r *Record) string { return r.Subnet }, "instance-id": none,
	"tcp-flags": none, "type": func(*Record) string { return "IPv4" },
	"pkt-srcaddr": func(r *Record) string { return address(r.PacketSource) }, "pkt-dstaddr": func(r *Record) string { return address(r.PacketTarget) },
	"region": func(r *Record) string { return r.Region }, "az-id": func(r *Record) string { return r.ZoneID }, "sublocation-type": none, "sublocation-id": none,
	"pkt-src-aws-service": func(r *Record) string { return r.SourceService }, "pkt-dst-aws-service": func(r *Record) string { return r.TargetService },
	"flow-direction": direction, "traffic-path": path,
	"ecs-cluster-arn": none, "ecs-cluster-name": none, "ecs-container-instance-arn": none, "ecs-container-instance-id": none, "ecs-container-id": none,
	"ecs-second-container-id": none, "ecs-service-name": none, "ecs-task-definition-arn": none, "ecs-task-arn": none, "ecs-task-id": none, "reject-reason": none,
}

// perWindow are the fields that a line without data still has.
var perWindow = []string{"account-id", "interface-id", "start", "end", "vpc-id", "subnet-id", "region", "az-id"}

func none(*Record) string { return "" }

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func action(r *Record) string {
	if r.Accepted {
		return "ACCEPT"
	}
	return "REJECT"
}

func direction(r *Record) string {
	if r.Egress {
		return "egress"
	}
	return "ingress"
}

func path(r *Record) string {
	if !r.Egress || r.Path == 0 {
		return ""
	}
	return strconv.Itoa(r.Path)
}

// versions of the fields that are later than the second.
var versions = map[string]int{
	"vpc-id": 3, "subnet-id": 3, "instance-id": 3, "tcp-flags": 3, "type": 3, "pkt-srcaddr": 3, "pkt-dstaddr": 3,
	"region": 4, "az-id": 4, "sublocation-type": 4, "sublocation-id": 4,
	"pkt-src-aws-service": 5, "pkt-dst-aws-service": 5, "flow-direction": 5, "traffic-path": 5, "reject-reason": 8,
}

var form = regexp.MustCompile(`^\$\{([a-z-]+)\}$`)

// Parse reads a log format: fields as ${name}, with blanks between.
func Parse(text string) (*Format, error) {
	f := new(Format)
	for _, word := range strings.Fields(text) {
		m := form.FindStringSubmatch(word)
		if m == nil {
			return nil, fmt.Errorf("unknown field %s", word)
		}
		if _, ok := writers[m[1]]; !ok {
			return nil, fmt.Errorf("unknown field %s", m[1])
		}
		if slices.Contains(f.fields, m[1]) {
			return nil, fmt.Errorf("field %s is there twice", m[1])
		}
		f.fields = append(f.fields, m[1])
	}
	if len(f.fields) == 0 {
		return nil, fmt.Errorf("no fields")
	}
	return f, nil
}

// Header is the first line of a file.
func (f *Format) Header() string { return strings.Join(f.fields, " ") }

// version is the lowest that has all the fields.
func (f *Format) version() int {
	v := 2
	for _, name := range f.fields {
		v = max(v, versions[name])
		if strings.HasPrefix(name, "ecs-") {
			v = max(v, 7)
		}
	}
	return v
}

// Line writes a record; of one that is not OK only what its window has.
func (f *Format) Line(r *Record, s Status) string {
	var b strings.Builder
	for i, name := range f.fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		value := ""
		switch {
		case name == "version":
			value = strconv.Itoa(f.version())
		case name == "log-status":
			value = string(s)
		case s == OK || slices.Contains(perWindow, name):
			value = writers[name](r)
		}
		if value == "" {
			value = "-"
		}
		b.WriteString(value)
	}
	return b.String()
}
