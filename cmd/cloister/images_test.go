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

func TestMirrorsAreNamedByBeginnings(t *testing.T) {
	c := config{ImageMirrors: map[string]string{"a.example": "https://m.example/x", "a.example/deep": "http://u:p@n.example"}}
	all, err := c.mirrors()
	if err != nil || len(all) != 2 || all[0].beginning != "a.example/deep" || all[1].Base.Path != "/x" {
		t.Errorf("%+v, %v", all, err)
	}
	for beginning, at := range map[string]string{"a.example": "ftp://x", "b.example": "https://", "plain": "https://x", "c.example/": "https://x", "d.example": "https://x?y"} {
		if _, err := (config{ImageMirrors: map[string]string{beginning: at}}).mirrors(); err == nil {
			t.Errorf("%s: %s was taken", beginning, at)
		}
	}
}
