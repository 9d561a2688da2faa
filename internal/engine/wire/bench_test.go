package wire

import (
	"math/rand/v2"
	"testing"

	"cloister/internal/value/model"
)

func benchmarkCall(b *testing.B, op *model.Operation) {
	full, out := typesOf[op.Service.ID](op.Name)
	p, v, err := inputPlan(op, full)
	if err != nil {
		b.Fatal(err)
	}
	f := &filler{rand: rand.New(rand.NewPCG(1, 1))}
	f.structure(p, v, 0)
	r := asClient(op, p, v)
	po, vo, err := structurePlan(op, op.Output, out)
	if err != nil {
		b.Fatal(err)
	}
	f.structure(po, vo, 0)
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(r.Bytes)))
		b.ReportAllocs()
		for b.Loop() {
			_ = Decode(op, r, fresh(full))
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Encode(op, out, "3f1c1f6e-0000-4000-8000-000000000000"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCreateTrainingJob(b *testing.B) {
	benchmarkCall(b, model.MustLoad("sagemaker").Operations["CreateTrainingJob"])
}

func BenchmarkCreateVpcEndpoint(b *testing.B) {
	benchmarkCall(b, model.MustLoad("ec2").Operations["CreateVpcEndpoint"])
}
