package sagemaker

// refusal is a field whose effect does not exist here, and whether a request asks for it.
type refusal struct {
	field string
	asked bool
}

// refuse names the first field that is asked for and has no effect.
func refuse(fields ...refusal) error {
	for _, f := range fields {
		if f.asked {
			return validation.New("%s is not supported by this installation.", f.field)
		}
	}
	return nil
}
