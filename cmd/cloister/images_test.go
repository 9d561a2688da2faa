package main

import (
	"slices"
	"testing"

	"cloister/internal/value/catalogue"
)

func TestKMeansHasItsNameOfEachRegion(t *testing.T) {
	names := builtIn(config{Account: "111122223333", Region: "us-west-2", Regions: []string{"us-east-1", "eu-west-1"}})
	want := []string{
		"174872318107.dkr.ecr.us-west-2.amazonaws.com/kmeans:1", "174872318107.dkr.ecr.us-west-2.amazonaws.com/kmeans:latest",
		"382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1", "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:latest",
		"438346466558.dkr.ecr.eu-west-1.amazonaws.com/kmeans:1", "438346466558.dkr.ecr.eu-west-1.amazonaws.com/kmeans:latest",
	}
	if got := names["kmeans"]; !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	for region := range algorithmAccounts {
		if !slices.Contains(catalogue.Regions, region) {
			t.Errorf("%s is no region", region)
		}
	}
}
