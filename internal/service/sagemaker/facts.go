package sagemaker

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

// stand is where in a request a key's value stands.
type stand struct {
	key  string // with its prefix
	path []string
	mark string
}

// stands is the table by action.
var stands = func() map[string][]stand {
	m := map[string][]stand{}
	for _, row := range keyTable {
		for _, action := range strings.Fields(row.actions) {
			for _, p := range strings.Fields(row.paths) {
				path, mark, _ := strings.Cut(p, "|")
				m[action] = append(m[action], stand{"sagemaker:" + row.key, strings.Split(path, "."), mark})
			}
		}
	}
	return m
}()

// several are the keys that may have more than one value in a request.
var several = func() map[string]bool {
	m := map[string]bool{}
	for _, k := range []string{"VpcSubnets", "VpcSecurityGroupIds", "InstanceTypes", "NotebookInstanceLifecycleConfigArns", "ImageArns", "ImageVersionArns",
		"StudioLifecycleConfigArns", "AcceleratorTypes", "CustomerMetadataPropertiesToRemove"} {
		m["sagemaker:"+k] = true
	}
	return m
}()

// found are keys with values: "" are of the request, the others of one element of a list in it.
type found map[string]map[string][]string

func (f found) add(element, key, value string) {
	if value == "" {
		return
	}
	if several[key] {
		element = ""
	}
	if f[element] == nil {
		f[element] = map[string][]string{}
	}
	if had := f[element][key]; several[key] || len(had) == 0 {
		f[element][key] = append(had, value)
	}
}

// asked gives what a request tells the policies, a list for each question that it makes. A key with one
// value can stand in several elements of a request, each variant with its model: then each is a question of
// its own, and all must be allowed.
func asked(c *api.Call, action string, in any) [][]api.Key {
	f := found{}
	for _, s := range stands[action] {
		s.find(c, reflect.ValueOf(in), s.path, "", f)
	}
	var out [][]api.Key
	elements := slices.Sorted(maps.Keys(f))
	for _, e := range elements {
		inner := func(other string) bool {
			return other != e && strings.HasPrefix(other, e) && (e == "" || other[len(e)] == '.')
		}
		if slices.ContainsFunc(elements, inner) {
			continue // said with each of those
		}
		var keys []api.Key
		for _, outer := range elements {
			if outer == "" || outer == e || strings.HasPrefix(e, outer+".") {
				keys = append(keys, f.keys(outer)...)
			}
		}
		if !slices.ContainsFunc(out, func(o []api.Key) bool { return reflect.DeepEqual(o, keys) }) {
			out = append(out, keys)
		}
	}
	if out == nil {
		return [][]api.Key{nil}
	}
	return out
}

func (f found) keys(element string) []api.Key {
	var out []api.Key
	for _, name := range slices.Sorted(maps.Keys(f[element])) {
		if several[name] {
			out = append(out, api.Ks(name, f[element][name]...))
		} else {
			out = append(out, api.K(name, f[element][name][0]))
		}
	}
	return out
}

// find follows the rest of a path from v.
func (s *stand) find(c *api.Call, v reflect.Value, path []string, element string, f found) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if len(path) == 0 {
		s.take(c, v, element, f)
		return
	}
	name, each := strings.CutSuffix(path[0], "[]")
	switch {
	case name == "*":
		for i := range v.NumField() {
			if k := v.Field(i); k.Kind() == reflect.Pointer && k.Type().Elem().Kind() == reflect.Struct {
				s.find(c, k, path[1:], element, f)
			}
		}
	case v.Kind() != reflect.Struct || !v.FieldByName(name).IsValid(): // another member of those that "*" names
	case each:
		for i := range v.FieldByName(name).Len() {
			s.find(c, v.FieldByName(name).Index(i), path[1:], strings.TrimPrefix(fmt.Sprintf("%s.%s[%d]", element, name, i), "."), f)
		}
	default:
		s.find(c, v.FieldByName(name), path[1:], element, f)
	}
}

// take makes the value from what stands at the path's end.
func (s *stand) take(c *api.Call, v reflect.Value, element string, f found) {
	switch s.mark {
	case "":
		s.plain(v, element, f)
	case "present":
		f.add(element, s.key, "true")
	case "gated":
		if gated(v.Addr().Interface()) {
			f.add(element, s.key, "true")
		}
	default: // a name in the place of an ARN
		f.add(element, s.key, resource(c, s.mark, v.String()))
	}
}

func (s *stand) plain(v reflect.Value, element string, f found) {
	switch v.Kind() {
	case reflect.Bool:
		f.add(element, s.key, strconv.FormatBool(v.Bool()))
	case reflect.Int32, reflect.Int64:
		f.add(element, s.key, strconv.FormatInt(v.Int(), 10))
	case reflect.String:
		f.add(element, s.key, v.String())
	case reflect.Slice:
		for i := range v.Len() {
			s.plain(v.Index(i), element, f)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			f.add(element, s.key+k.String(), v.MapIndex(k).String())
		}
	}
}

// gated tells whether a source accepts a model's licence by itself and not through a hub.
func gated(source any) bool {
	switch s := source.(type) {
	case *sagemaker.S3DataSource:
		return s.ModelAccessConfig != nil && flag(s.ModelAccessConfig.AcceptEula) && s.HubAccessConfig == nil
	case *sagemaker.S3ModelDataSource:
		return s.ModelAccessConfig != nil && flag(s.ModelAccessConfig.AcceptEula) && s.HubAccessConfig == nil
	}
	return false
}
