package ec2

import (
	"strings"
	"time"

	"cloister/internal/engine/flowlog"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// flowLog is a customer's wish to know what passes a VPC, a subnet or an interface.
type flowLog struct {
	head
	Resource, Traffic string // Traffic is ALL, ACCEPT or REJECT
	// Group is set for CloudWatch Logs, Bucket (with Prefix) for S3.
	Group, Bucket, Prefix string
	Role                  string
	Format                string
	Interval              time.Duration
	Hive, PerHour         bool
	Failed                string // what the last delivery said; empty when it went well
}

var flowLogs = newKind[flowLog]("vpc-flow-log", "fl-", "InvalidFlowLogId", "These flow log ids in the input list are not found: [TotalCount: 1] %s")

var flowLogExists = fault.Kind{Code: "FlowLogAlreadyExists", Status: 400}

// The values of the wire.
const (
	toLogs = "cloud-watch-logs"
	toS3   = "s3"
)

// destination is what LogDestination says, and LogGroupName for the older form.
func (l *flowLog) destination(region string) string {
	switch {
	case l.Group != "":
		return arn.Format("logs", region, l.Account, "log-group:"+l.Group)
	case l.Prefix != "":
		return "arn:aws:s3:::" + l.Bucket + "/" + l.Prefix
	}
	return "arn:aws:s3:::" + l.Bucket
}

func (l *flowLog) destinationType() string {
	if l.Group != "" {
		return toLogs
	}
	return toS3
}

// same says whether another one would deliver the same lines to the same place.
func (l *flowLog) same(o *flowLog) bool {
	return l.Resource == o.Resource && l.Traffic == o.Traffic && l.Group == o.Group && l.Bucket == o.Bucket && l.Prefix == o.Prefix &&
		l.Format == o.Format && l.Interval == o.Interval
}

func (s *Service) awsFlowLog(l *flowLog) shape.FlowLog {
	out := shape.FlowLog{
		FlowLogId: &l.ID, FlowLogStatus: new("ACTIVE"), ResourceId: &l.Resource, TrafficType: &l.Traffic, CreationTime: &l.Created,
		LogDestinationType: new(l.destinationType()), LogDestination: new(l.destination(s.Region)), LogFormat: &l.Format, DeliverLogsStatus: new("SUCCESS"),
		MaxAggregationInterval: new(int32(l.Interval / time.Second)), Tags: awsTags(l.Tags),
	}
	if l.Group != "" {
		out.LogGroupName, out.DeliverLogsPermissionArn = &l.Group, &l.Role
	} else {
		out.DestinationOptions = &shape.DestinationOptionsResponse{FileFormat: new("plain-text"), HiveCompatiblePartitions: &l.Hive, PerHourPartition: &l.PerHour}
	}
	if l.Failed != "" {
		out.DeliverLogsStatus, out.DeliverLogsErrorMessage = new("FAILED"), &l.Failed
	}
	return out
}

// begun reads a request into a flow log without a resource.
func begun(in *shape.CreateFlowLogsRequest) (*flowLog, error) {
	l := &flowLog{Traffic: str(in.TrafficType), Role: str(in.DeliverLogsPermissionArn), Format: str(in.LogFormat), Interval: 600 * time.Second}
	if l.Traffic == "" {
		return nil, missingParameter.New("The request must contain the parameter TrafficType")
	}
	if l.Format == "" {
		l.Format = flowlog.Default
	}
	if _, err := flowlog.Parse(l.Format); err != nil {
		return nil, invalidParameter.New("The log format is not valid: %s.", err)
	}
	if in.MaxAggregationInterval != nil {
		if *in.MaxAggregationInterval != 60 && *in.MaxAggregationInterval != 600 {
			return nil, invalidParameter.New("Invalid Flow Log Max Aggregation Interval")
		}
		l.Interval = time.Duration(*in.MaxAggregationInterval) * time.Second
	}
	if str(in.DeliverCrossAccountRole) != "" {
		return nil, unsupportedOperation.New("The parameter DeliverCrossAccountRole is not supported.")
	}
	if err := l.aim(in); err != nil {
		return nil, err
	}
	return l, l.options(in.DestinationOptions)
}

// isRole tells whether an ARN could be that of a role.
func isRole(s string) bool {
	a, err := arn.Parse(s)
	return err == nil && a.Service == "iam" && a.Region == "" && strings.HasPrefix(a.Resource, "role/")
}

// aim reads the destination (facts privatelink 9.3).
func (l *flowLog) aim(in *shape.CreateFlowLogsRequest) error {
	kind, destination := str(in.LogDestinationType), str(in.LogDestination)
	if kind == "" {
		kind = toLogs
	}
	l.Group = str(in.LogGroupName)
	switch {
	case l.Group != "" && destination != "":
		return invalidParameter.New("Please only provide LogGroupName or only provide LogDestination.")
	case l.Group == "" && destination == "":
		return invalidParameter.New("LogDestination can't be empty if LogGroupName is not provided.")
	case l.Group != "" && kind != toLogs:
		return invalidParameter.New("LogDestination type must be cloud-watch-logs if LogGroupName is provided.")
	case kind == toLogs && l.Role == "":
		return invalidParameter.New("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.")
	case kind == toLogs && !isRole(l.Role):
		return invalidParameter.New("DeliverLogsPermissionArn %s is not the ARN of a role.", l.Role)
	case kind == toS3 && l.Role != "":
		return invalidParameter.New("DeliverLogsPermissionArn is not applicable for s3 as LogDestinationType.")
	case kind != toLogs && kind != toS3:
		return unsupportedOperation.New("Flow logs are delivered to cloud-watch-logs and s3; %s is not supported.", kind)
	case l.Group != "":
		return nil
	case kind == toS3:
		return l.aimAtBucket(destination)
	}
	_, group, ok := strings.Cut(destination, ":log-group:")
	if l.Group = strings.TrimSuffix(group, ":*"); !ok || l.Group == "" || !strings.HasPrefix(destination, "arn:aws:logs:") {
		return invalidParameter.New("LogDestination %s is not the ARN of a log group.", destination)
	}
	return nil
}

func (l *flowLog) aimAtBucket(destination string) error {
	rest, ok := strings.CutPrefix(destination, "arn:aws:s3:::")
	l.Bucket, l.Prefix, _ = strings.Cut(rest, "/")
	l.Prefix = strings.Trim(l.Prefix, "/")
	if !ok || l.Bucket == "" || l.Prefix == "AWSLogs" || strings.HasPrefix(l.Prefix, "AWSLogs/") {
		return invalidParameter.New("LogDestination %s is not the ARN of a bucket, or of a folder of one that is not AWSLogs.", destination)
	}
	return nil
}

func (l *flowLog) options(o *shape.DestinationOptionsRequest) error {
	if o == nil {
		return nil
	}
	if l.Bucket == "" {
		return invalidParameter.New("DestinationOptions are for s3 as LogDestinationType only.")
	}
	if f := str(o.FileFormat); f != "" && f != "plain-text" {
		return unsupportedOperation.New("The file format %s is not supported.", f)
	}
	l.Hive, l.PerHour = yes(o.HiveCompatiblePartitions), yes(o.PerHourPartition)
	return nil
}

// logged says which VPC the resource of a flow log is in, and whether an interface is meant by it.
func logged(tx *store.Tx, account, kind, id string) (vpc string, err error) {
	switch kind {
	case "VPC":
		v, err := vpcs.get(tx, account, id)
		if err != nil {
			return "", err
		}
		return v.ID, nil
	case "Subnet":
		n, err := subnets.get(tx, account, id)
		if err != nil {
			return "", err
		}
		return n.VPC, nil
	case "NetworkInterface":
		i, err := enis.get(tx, account, id)
		if err != nil {
			return "", err
		}
		return i.VPC, nil
	}
	return "", invalidParameter.New("Flow logs of the resource type %s are not supported.", kind)
}

// covers says whether an interface is one that a flow log is about.
func (l *flowLog) covers(i *eni) bool {
	return l.Account == i.Account && (l.Resource == i.VPC || l.Resource == i.Subnet || l.Resource == i.ID)
}

// planFlowLogs names the VPCs in which something is to be logged.
func planFlowLogs(r *records, is []*flowLog) map[string]bool {
	out := map[string]bool{}
	for _, l := range is {
		out[l.Resource] = true
		for _, n := range r.subnets {
			if n.ID == l.Resource {
				out[n.VPC] = true
			}
		}
		for _, i := range r.enis {
			if i.ID == l.Resource {
				out[i.VPC] = true
			}
		}
	}
	return out
}
