package diff

import "testing"

// TestDiff09EnumOrder: enum value sets stand in the order of the model.
func TestDiff09EnumOrder(t *testing.T) {
	root.json(t, "sagemaker", "ListTrainingJobs", object{"SortBy": "Size"}).
		fault(t, 400, "ValidationException", "Member must satisfy enum value set: [Name, CreationTime, Status]")
}
