package ec2

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cloister/internal/engine/flowlog"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/logs"
	"cloister/internal/value/shape/s3"
	"cloister/internal/value/shape/sts"
)

// Who delivers: the first is trusted by the role of a flow log, the second by a bucket's policy.
const (
	flowPrincipal   = "vpc-flow-logs.amazonaws.com"
	bucketPrincipal = "delivery.logs.amazonaws.com"
)

// FlowWindow is how long flows are gathered before they are delivered: AWS's shorter interval, which
// suits those that ask for at most the longer one too.
const FlowWindow = time.Minute

// deliverFlows delivers at the end of each window, and once more at the end.
func (s *Service) deliverFlows(ctx context.Context) error {
	every := time.NewTicker(s.FlowWindow)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			if err := s.deliverWindow(ctx); err != nil && ctx.Err() == nil {
				s.Log.Warn("flow logs are not delivered", "error", err)
			}
		}
	}
}

// deliverWindow delivers to every flow log what it asked for of one window.
func (s *Service) deliverWindow(ctx context.Context) error {
	w := s.collector.take(time.Now())
	if w.start.IsZero() {
		w.start = w.end.Add(-s.FlowWindow)
	}
	var all []*flowLog
	var interfaces []*eni
	var v *viewer
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if all, err = flowLogs.all(tx, ""); err != nil || len(all) == 0 {
			return err
		}
		if interfaces, err = enis.all(tx, ""); err != nil {
			return err
		}
		v, err = s.viewer(tx)
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	s.collector.know(interfaces) // as those of the next window too
	interfaces = w.interfaces(interfaces)
	var failed error
	for _, l := range all {
		lines := v.lines(l, interfaces, w)
		if len(lines) == 0 {
			continue
		}
		err := s.deliver(ctx, l, lines, w.end)
		failed = errors.Join(failed, s.delivered(ctx, l, err))
	}
	return failed
}

// interfaces are those there are, and those of the window that are gone.
func (w *window) interfaces(now []*eni) []*eni {
	out := slices.Clone(now)
	for _, i := range now {
		delete(w.known, i.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(w.known)) {
		out = append(out, w.known[id])
	}
	type place struct {
		vpc     string
		address netip.Addr
	}
	slices.SortStableFunc(out, func(a, b *eni) int { return a.Created.Compare(b.Created) })
	last := map[place]*eni{}
	w.heirs = map[string]time.Time{}
	for _, i := range out {
		at := place{i.VPC, i.Address}
		if old := last[at]; old != nil {
			w.heirs[old.ID] = i.Created
		}
		last[at] = i
	}
	return out
}

func (s *Service) viewer(tx *store.Tx) (*viewer, error) {
	v := &viewer{region: s.Region, zones: map[string]string{}, public: map[netip.Addr]netip.Addr{}}
	if p := s.public.Load(); p != nil {
		v.public = *p
	}
	var err error
	if v.vpcs, err = vpcs.byID(tx, ""); err != nil {
		return nil, err
	}
	all, err := subnets.all(tx, "")
	for _, n := range all {
		for _, z := range zones(s.Region) {
			if z.Name == n.Zone {
				v.zones[n.ID] = z.ID
			}
		}
	}
	return v, err
}

// stream is the lines of one interface.
type stream struct {
	eni   string
	lines []string
}

// lines writes what a flow log is to have of a window.
func (v *viewer) lines(l *flowLog, interfaces []*eni, w *window) (out []stream) {
	format, err := flowlog.Parse(l.Format)
	if err != nil {
		return nil // it was parsed when it was made
	}
	for _, i := range interfaces {
		if !l.covers(i) {
			continue
		}
		st := stream{eni: i.ID}
		for _, r := range v.seen(i, w) {
			if l.Traffic == "ALL" || l.Traffic == "ACCEPT" && r.Accepted || l.Traffic == "REJECT" && !r.Accepted {
				st.lines = append(st.lines, format.Line(r, flowlog.OK))
			}
		}
		if w.skipped[i.VPC] {
			st.lines = append(st.lines, format.Line(v.blank(i, w), flowlog.SkipData))
		} else if len(st.lines) == 0 {
			st.lines = append(st.lines, format.Line(v.blank(i, w), flowlog.NoData))
		}
		out = append(out, st)
	}
	return out
}

func (s *Service) deliver(ctx context.Context, l *flowLog, lines []stream, at time.Time) error {
	if l.Bucket != "" {
		return s.putFlows(ctx, l, lines, at)
	}
	as, err := s.flowRole(ctx, l)
	if err != nil {
		return err
	}
	for _, st := range lines {
		if err := s.sendFlows(ctx, as, l, st, at); err != nil {
			return err
		}
	}
	return nil
}

// flowRole takes on the role of a flow log.
func (s *Service) flowRole(ctx context.Context, l *flowLog) (caller.Caller, error) {
	out, err := api.CallAs[sts.AssumeRoleResponse](ctx, s.Client, caller.ForService(flowPrincipal, l.Account, arn.Format("ec2", s.Region, l.Account, "vpc-flow-log/"+l.ID)), "sts", "AssumeRole",
		&sts.AssumeRoleRequest{RoleArn: &l.Role, RoleSessionName: &l.ID})
	if err != nil {
		return caller.Caller{}, err
	}
	_, id, err := s.Directory.Secret(str(out.Credentials.AccessKeyId), str(out.Credentials.SessionToken))
	return caller.Caller{Identity: id, Origin: caller.Origin{Place: caller.Inside}}, err
}

const (
	eventBytes = 900 << 10 // of a batch, below the service's bound
	eventCount = 9000
)

// sendFlows puts the lines of one interface into its stream, which it makes when there is none.
func (s *Service) sendFlows(ctx context.Context, as caller.Caller, l *flowLog, st stream, at time.Time) error {
	name := st.eni + "-" + strings.ToLower(l.Traffic)
	call := func(operation string, in any) error {
		_, err := s.Client.Call(ctx, as, "logs", operation, in)
		return err
	}
	for len(st.lines) > 0 {
		var batch []logs.InputLogEvent
		for size := 0; len(st.lines) > 0 && len(batch) < eventCount && size < eventBytes; st.lines = st.lines[1:] {
			size += len(st.lines[0]) + 26
			batch = append(batch, logs.InputLogEvent{Timestamp: new(at.UnixMilli()), Message: &st.lines[0]})
		}
		put := &logs.PutLogEventsRequest{LogGroupName: &l.Group, LogStreamName: &name, LogEvents: batch}
		err := call("PutLogEvents", put)
		if fault.Is(err, "ResourceNotFoundException") {
			if err := call("CreateLogGroup", &logs.CreateLogGroupRequest{LogGroupName: &l.Group}); err != nil && !fault.Is(err, "ResourceAlreadyExistsException") {
				return err
			}
			err = call("CreateLogStream", &logs.CreateLogStreamRequest{LogGroupName: &l.Group, LogStreamName: &name})
			if err == nil || fault.Is(err, "ResourceAlreadyExistsException") {
				err = call("PutLogEvents", put)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putFlows puts the lines of all interfaces into one file of the bucket.
func (s *Service) putFlows(ctx context.Context, l *flowLog, lines []stream, at time.Time) error {
	format, err := flowlog.Parse(l.Format)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	fmt.Fprintln(z, format.Header())
	for _, st := range lines {
		for _, line := range st.lines {
			fmt.Fprintln(z, line)
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	key := flowKeyOf(l, s.Region, at.UTC())
	_, err = s.Client.Call(ctx, caller.ForService(bucketPrincipal, l.Account, arn.Format("logs", s.Region, l.Account, "*")), "s3", "PutObject", &s3.PutObjectRequest{
		Bucket: &l.Bucket, Key: &key, Body: io.Reader(bytes.NewReader(file.Bytes())), ContentLength: new(int64(file.Len())), ContentType: new("application/octet-stream"),
	})
	return err
}

// flowKeyOf is the key of a file (facts privatelink 9.2).
func flowKeyOf(l *flowLog, region string, at time.Time) string {
	folder := "AWSLogs/" + l.Account + "/vpcflowlogs/" + region + at.Format("/2006/01/02")
	hour := at.Format("/15")
	if l.Hive {
		folder = "AWSLogs/aws-account-id=" + l.Account + "/aws-service=vpcflowlogs/aws-region=" + region + at.Format("/year=2006/month=01/day=02")
		hour = at.Format("/hour=15")
	}
	if l.PerHour {
		folder += hour
	}
	if l.Prefix != "" {
		folder = l.Prefix + "/" + folder
	}
	return fmt.Sprintf("%s/%s_vpcflowlogs_%s_%s_%s_%s.log.gz", folder, l.Account, region, l.ID, at.Format("20060102T1504Z"), digest(at.String() + l.ID)[:8])
}

// delivered keeps what became of a delivery, for Describe; the customer's faults are no errors of ours.
func (s *Service) delivered(ctx context.Context, l *flowLog, err error) error {
	said := ""
	if f, ok := fault.As(err); ok {
		said, err = "Access error", nil
		if f.Status != 403 && !strings.HasPrefix(f.Code, "AccessDenied") {
			said = f.Message
		}
	}
	if err != nil || said == l.Failed {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := flowLogs.table.Get(tx, store.Key(l.Account, l.ID))
		if err != nil || now == nil {
			return err
		}
		now.Failed = said
		return flowLogs.put(tx, now)
	})
}

// openBucket makes sure that the delivery may write to a bucket, as AWS does where the caller may change
// the bucket's policy; otherwise the policy stays as it is. It says why the bucket is none.
func (s *Service) openBucket(ctx context.Context, c *api.Call, l *flowLog) (reason string) {
	as := caller.Caller{Identity: c.Caller.Identity, Origin: caller.Origin{Place: caller.Inside, Forwarded: true}}
	got, err := api.CallAs[s3.GetBucketPolicyOutput](ctx, s.Client, as, "s3", "GetBucketPolicy", &s3.GetBucketPolicyRequest{Bucket: &l.Bucket})
	document := map[string]any{"Version": "2012-10-17", "Id": "AWSLogDeliveryWrite20150319"}
	switch {
	case fault.Is(err, "NoSuchBucket"):
		return "LogDestination: " + l.Bucket + " does not exist"
	case fault.Is(err, "NoSuchBucketPolicy"):
	case err != nil:
		return ""
	case strings.Contains(str(got.Policy), bucketPrincipal) || json.Unmarshal([]byte(str(got.Policy)), &document) != nil:
		return ""
	}
	statements, _ := document["Statement"].([]any)
	if one, ok := document["Statement"].(map[string]any); ok {
		statements = []any{one}
	}
	folder := "arn:aws:s3:::" + l.Bucket + "/"
	if l.Prefix != "" {
		folder += l.Prefix + "/"
	}
	path := "AWSLogs/" + l.Account + "/*"
	if l.Hive {
		path = "AWSLogs/aws-account-id=" + l.Account + "/*"
	}
	principal := map[string]any{"Service": bucketPrincipal}
	account := map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": l.Account}}
	document["Statement"] = append(statements,
		map[string]any{"Sid": "AWSLogDeliveryWrite", "Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": folder + path, "Condition": account},
		map[string]any{"Sid": "AWSLogDeliveryAclCheck", "Effect": "Allow", "Principal": principal, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::" + l.Bucket, "Condition": account})
	text, err := json.Marshal(document)
	if err == nil {
		_, err = s.Client.Call(ctx, as, "s3", "PutBucketPolicy", &s3.PutBucketPolicyRequest{Bucket: &l.Bucket, Policy: new(string(text))})
	}
	if err != nil {
		s.Log.Info("the bucket's policy is left as it is", "bucket", l.Bucket, "error", err)
	}
	return ""
}
