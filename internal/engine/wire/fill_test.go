package wire

import (
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp/syntax"
	"strings"
	"time"

	"cloister/internal/value/model"
	"cloister/internal/value/shape/cloister"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/ecr"
	"cloister/internal/value/shape/ecrdkr"
	"cloister/internal/value/shape/elasticloadbalancing"
	"cloister/internal/value/shape/iam"
	"cloister/internal/value/shape/logs"
	"cloister/internal/value/shape/organizations"
	"cloister/internal/value/shape/route53"
	"cloister/internal/value/shape/route53resolver"
	"cloister/internal/value/shape/s3"
	"cloister/internal/value/shape/sagemaker"
	"cloister/internal/value/shape/sagemakerruntime"
	"cloister/internal/value/shape/sts"
)

var typesOf = map[string]func(operation string) (input, output any){
	"sagemaker": sagemaker.New, "sagemakerruntime": sagemakerruntime.New, "ec2": ec2.New, "iam": iam.New,
	"sts": sts.New, "s3": s3.New, "logs": logs.New, "cloister": cloister.New,
	"route53": route53.New, "route53resolver": route53resolver.New, "elasticloadbalancing": elasticloadbalancing.New, "organizations": organizations.New, "ecr": ecr.New, "ecrdkr": ecrdkr.New,
}

// fresh makes another one of what x points to.
func fresh(x any) any { return reflect.New(reflect.TypeOf(x).Elem()).Interface() }

func inputOf(op *model.Operation) any {
	in, _ := typesOf[op.Service.ID](op.Name)
	return in
}

// eachOperation calls f with every operation of every service and its types.
func eachOperation(f func(op *model.Operation, in, out any)) {
	for _, id := range model.IDs() {
		for name, op := range model.MustLoad(id).Operations {
			in, out := typesOf[id](name)
			f(op, in, out)
		}
	}
}

// filler sets every member to a value that the model allows.
type filler struct {
	rand *rand.Rand
	text string // what streams hold
}

func (f *filler) structure(p *plan, v reflect.Value, depth int) {
	only := -1
	if p.shape.Union {
		only = f.rand.IntN(len(p.fields))
	}
	for i := range p.fields {
		m := &p.fields[i]
		if only >= 0 && i != only || depth > 5 && !m.required && !p.shape.Union {
			continue
		}
		fv := v.Field(m.index)
		if m.stream {
			fv.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(f.text))))
			continue
		}
		f.value(m.plan, slot(fv), depth+1)
	}
}

func (f *filler) size(s *model.Shape, low, high int) int {
	if s.Min != nil {
		low = max(low, int(*s.Min))
		high = max(high, low)
	}
	if s.Max != nil {
		high = max(min(high, int(*s.Max)), 0)
		low = min(low, high)
	}
	return low + f.rand.IntN(high-low+1)
}

func (f *filler) value(p *plan, v reflect.Value, depth int) {
	s := p.shape
	switch s.Type {
	case "structure":
		f.structure(p, v, depth)
	case "list":
		n := f.size(s, 1, 2)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.value(p.elem, v.Index(i), depth+1)
		}
	case "map":
		v.Set(reflect.MakeMap(v.Type()))
		for range f.size(s, 1, 2) {
			k, e := reflect.New(p.key.typ).Elem(), reflect.New(p.elem.typ).Elem()
			f.value(p.key, k, depth+1)
			f.value(p.elem, e, depth+1)
			v.SetMapIndex(k, e)
		}
	case "string":
		v.SetString(f.string(s))
	case "blob":
		v.SetBytes([]byte(fmt.Sprintf("blob <%d>", f.rand.IntN(1000))))
	case "boolean":
		v.SetBool(f.rand.IntN(2) == 0)
	case "integer", "long":
		v.SetInt(int64(f.size(s, 0, 1000)))
	case "float", "double":
		v.SetFloat(float64(f.size(s, 0, 1000)))
	case "timestamp":
		v.Set(reflect.ValueOf(time.Unix(1500000000+int64(f.rand.IntN(1e9)), 0).UTC()))
	}
}

func (f *filler) string(s *model.Shape) string {
	if len(s.Enum) > 0 {
		return s.Enum[f.rand.IntN(len(s.Enum))]
	}
	n := f.size(s, 1, 12)
	if s.Pattern == "" {
		odd := []rune(strings.Repeat("aé<&\"x ", n))[:n/2]
		return string(odd) + strings.Repeat("z", n-n/2)
	}
	m := compile(s.Pattern)
	low, high := 0, 1<<20
	if s.Min != nil {
		low = int(*s.Min)
	}
	if s.Max != nil {
		high = int(*s.Max)
	}
	for try := range 400 {
		if text := f.match(s.Pattern, try); len(text) >= low && len(text) <= high && m.matches(text) {
			return text
		}
	}
	return ""
}

// match tries to make a text of a pattern; candidates serve where it looks around.
func (f *filler) match(pattern string, try int) string {
	candidates := []string{"abcdefgh", "arn:aws:sagemaker:us-east-1:123456789012:thing/abc", "a", "123456789012", strings.Repeat("a", 36)}
	if try < len(candidates) {
		return candidates[try]
	}
	re, err := syntax.Parse(unicodeEscapes(javaClasses(pattern)), syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	f.emit(&b, re.Simplify(), try)
	return b.String()
}

func (f *filler) emit(b *strings.Builder, re *syntax.Regexp, try int) {
	again := func(low, high int) {
		for range low + f.rand.IntN(max(1, min(high, low+1+try/8)-low+1)) {
			f.emit(b, re.Sub[0], try)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		i := f.rand.IntN(len(re.Rune)/2) * 2
		low, high := re.Rune[i], re.Rune[i+1]
		if low < '!' && high >= '!' {
			low, high = '!', min(high, 'z')
		}
		b.WriteRune(low + rune(f.rand.IntN(int(high-low)+1)))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpCapture:
		f.emit(b, re.Sub[0], try)
	case syntax.OpStar:
		again(0, 6)
	case syntax.OpPlus:
		again(1, 6)
	case syntax.OpQuest:
		again(0, 1)
	case syntax.OpConcat:
		for _, s := range re.Sub {
			f.emit(b, s, try)
		}
	case syntax.OpAlternate:
		f.emit(b, re.Sub[f.rand.IntN(len(re.Sub))], try)
	}
}
