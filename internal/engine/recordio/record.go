package recordio

// Record is one example: named feature tensors and named label tensors.
type Record struct {
	Features, Label              map[string]Tensor
	UID, Metadata, Configuration string
}

// Kind says which list of a Tensor is set.
type Kind int

// The kinds, numbered as the fields of the Value message.
const (
	Float32 Kind = 2
	Float64 Kind = 3
	Int32   Kind = 7
	Bytes   Kind = 9
)

// Tensor is one value of a Record. Keys and Shape are set when it is sparse: Values then hold only
// the elements whose flat positions Keys names.
type Tensor struct {
	Kind        Kind
	Float32s    []float32
	Float64s    []float64
	Int32s      []int32
	Bytes       [][]byte
	ContentType string
	Keys, Shape []uint64
}

// ValuesKey is the name under which features and labels are kept.
const ValuesKey = "values"

// Field numbers of the messages.
const (
	fieldFeatures, fieldLabel, fieldUID, fieldMetadata, fieldConfiguration = 1, 2, 3, 4, 5

	fieldKey, fieldValue = 1, 2 // of a map entry

	fieldValues, fieldKeys, fieldShape = 1, 2, 3 // of a tensor; Bytes has its content type at 2
)
