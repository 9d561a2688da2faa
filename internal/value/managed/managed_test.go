package managed_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"cloister/internal/engine/policy"
	"cloister/internal/value/managed"
)

func all(t *testing.T) map[string]*managed.Policy {
	t.Helper()
	list, err := managed.All()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*managed.Policy{}
	for _, p := range list {
		out[p.Name] = p
	}
	return out
}

func TestEveryPolicyCanBeDecidedBy(t *testing.T) {
	for name, p := range all(t) {
		t.Run(name, func(t *testing.T) {
			d, err := policy.Parse(p.Document)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(policy.Managed); err != nil {
				t.Error(err)
			}
			if !slices.ContainsFunc(p.Versions, func(v managed.Version) bool { return v.ID == p.Default }) {
				t.Errorf("%s is in force and not among the versions", p.Default)
			}
			if !strings.HasPrefix(p.ID, "ANPA") || len(p.ID) != 21 || p.Source == "" || p.Description == "" || p.Created.IsZero() || p.Created.After(p.Versions[0].Created) {
				t.Errorf("%+v", p)
			}
		})
	}
}

// printed is where the guide's text of a policy is kept by the tests of the engine.
var printed = map[string]string{
	"AmazonSageMakerGeospatialFullAccess": "001-p001", "AmazonSageMakerGeospatialExecutionRole": "001-p002",
	"AmazonSageMakerGroundTruthExecution": "001-p004", "AmazonSageMakerHyperPodServiceRolePolicy": "001-p010",
	"AmazonSageMakerClusterInstanceRolePolicy": "001-p013", "AmazonSageMakerModelGovernanceUseAccess": "001-p016",
	"AmazonSageMakerModelRegistryFullAccess": "001-p020", "AmazonSageMakerNotebooksServiceRolePolicy": "001-p025",
	"AmazonSageMakerPartnerAppsFullAccess": "001-p031", "AmazonSageMakerPipelinesIntegrations": "001-p034",
	"AmazonSageMakerTrainingPlanCreateAccess":                                     "001-p037",
	"AmazonSageMakerPartnerServiceCatalogProductsApiGatewayServiceRolePolicy":     "001-p042",
	"AmazonSageMakerPartnerServiceCatalogProductsCloudFormationServiceRolePolicy": "001-p043",
	"AmazonSageMakerPartnerServiceCatalogProductsLambdaServiceRolePolicy":         "001-p047",
	"AmazonSageMakerServiceCatalogProductsApiGatewayServiceRolePolicy":            "001-p048",
	"AmazonSageMakerServiceCatalogProductsCloudformationServiceRolePolicy":        "001-p049",
	"AmazonSageMakerServiceCatalogProductsEventsServiceRolePolicy":                "001-p058",
	"AmazonSageMakerServiceCatalogProductsFirehoseServiceRolePolicy":              "001-p059",
	"AmazonSageMakerServiceCatalogProductsGlueServiceRolePolicy":                  "001-p060",
	"AmazonSageMakerServiceCatalogProductsLambdaServiceRolePolicy":                "001-p063",
}

func TestPrintedDocumentsAreAsPrinted(t *testing.T) {
	got := all(t)
	for name, page := range printed {
		want, err := os.ReadFile("../../engine/policy/testdata/printed/" + page + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if p := got[name]; p == nil || strings.TrimSpace(p.Document) != strings.TrimSpace(string(want)) {
			t.Errorf("%s is not the text of %s", name, page)
		}
	}
}
