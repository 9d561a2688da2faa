package s3

import (
	"encoding/json"
	"fmt"
	"strings"

	"cloister/internal/engine/policy"
)

// maxPolicy is the size of the largest bucket policy.
const maxPolicy = 20480

// checkPolicy refuses what may not be a policy of the bucket, in S3's words, and gives the unique ids
// of the users and roles that it names.
func (s *Service) checkPolicy(b *bucket, document string) (map[string]string, error) {
	d, err := policy.Parse(document)
	if err == nil {
		err = d.Check(policy.Resource)
	}
	if err != nil {
		refused := malformedPolicy.New("%s", policy.Refusal(policy.Resource, err))
		if p, ok := policy.Where(err); ok {
			refused = refused.With("Detail", fmt.Sprintf("line %d, column %d", p.Line, p.Column))
		}
		return nil, refused
	}
	if d.Size() > maxPolicy {
		return nil, malformedPolicy.New("Normalized policy document exceeds the maximum allowed size of %d bytes", maxPolicy)
	}
	if err := checkStatements(b.arn(), document); err != nil {
		return nil, err
	}
	return s.principals(d)
}

// principals finds the users and roles that a policy names; all must exist.
func (s *Service) principals(d *policy.Document) (map[string]string, error) {
	ids := map[string]string{}
	for _, p := range d.Principals() {
		if p.Group != "AWS" || !strings.Contains(p.Text, ":user/") && !strings.Contains(p.Text, ":role/") {
			continue
		}
		known := s.Directory.Principal(p.Text)
		if known == nil {
			return nil, malformedPolicy.New("Invalid principal in policy").With("Detail", `"AWS" : "`+p.Text+`"`)
		}
		ids[p.Text] = known.ID
	}
	return ids, nil
}

// words is a string or a list of strings.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*w = make(words, 1)
		return json.Unmarshal(b, &(*w)[0])
	}
	return json.Unmarshal(b, (*[]string)(w))
}

type statement struct{ Action, NotAction, Resource, NotResource words }

type statements []statement

func (s *statements) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		*s = make(statements, 1)
		return json.Unmarshal(b, &(*s)[0])
	}
	return json.Unmarshal(b, (*[]statement)(s))
}

// checkStatements wants every statement to be about S3 and about this bucket.
func checkStatements(arn, document string) error {
	var d struct{ Statement statements }
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return malformedPolicy.New("Policies must be valid JSON and the first byte must be '{'")
	}
	for _, st := range d.Statement {
		for _, a := range append(st.Action, st.NotAction...) {
			if vendor, _, _ := strings.Cut(a, ":"); a != "*" && !strings.EqualFold(vendor, "s3") {
				return malformedPolicy.New("Policy has invalid action").With("Detail", a)
			}
		}
		for _, r := range append(st.Resource, st.NotResource...) {
			if !about(arn, r) {
				return malformedPolicy.New("Policy has invalid resource").With("Detail", r)
			}
		}
		if err := applies(arn, &st); err != nil {
			return err
		}
	}
	return nil
}

// about tells whether a resource of a bucket policy is the bucket or what is in it.
func about(arn, resource string) bool {
	if resource == arn || strings.HasPrefix(resource, arn+"/") {
		return true
	}
	// A wildcard inside the name is fine as long as it can mean this bucket.
	name, ok := strings.CutPrefix(resource, "arn:aws:s3:::")
	bucket, _, _ := strings.Cut(name, "/")
	return ok && strings.ContainsAny(bucket, "*?") && fits(bucket, strings.TrimPrefix(arn, "arn:aws:s3:::"))
}

// applies wants every action to have a resource of its kind: objects are not buckets.
func applies(arn string, st *statement) error {
	if len(st.Action) == 0 || len(st.Resource) == 0 {
		return nil
	}
	onBucket, onObjects := false, false
	for _, r := range st.Resource {
		name := strings.TrimPrefix(r, "arn:aws:s3:::")
		onBucket = onBucket || !strings.Contains(name, "/")
		onObjects = onObjects || strings.Contains(name, "/") || strings.HasSuffix(name, "*")
	}
	for _, a := range st.Action {
		_, name, _ := strings.Cut(strings.ToLower(a), ":")
		if strings.ContainsAny(name, "*?") || a == "*" {
			continue // means actions of both kinds
		}
		if object := ofObjects(name); object && !onObjects || !object && !onBucket {
			return malformedPolicy.New("Action does not apply to any resource(s) in statement").With("Detail", a)
		}
	}
	return nil
}

// ofObjects tells whether an action (in small letters) is one on objects.
func ofObjects(action string) bool {
	for _, p := range []string{"getobject", "putobject", "deleteobject", "restoreobject", "replicateobject", "replicatedelete", "replicatetags",
		"abortmultipartupload", "listmultipartuploadparts", "bypassgovernanceretention", "objectowneroverridetobucketowner", "updateobject"} {
		if strings.HasPrefix(action, p) {
			return true
		}
	}
	return false
}

// fits matches a text with a pattern of * and ?.
func fits(pattern, s string) bool {
	star, mark, i, j := -1, 0, 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
