// Command digits gives the demo its data and its verdict: the features as CSV, and how pure the
// clusters are that an endpoint found.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"cloister/demo/digits"
	"cloister/internal/engine/kmeans"
)

// least is the purity that a real model has and a fake one has not: random clusters give about 0.15.
const least = 0.65

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "digits:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "features":
		_, err := os.Stdout.Write(digits.CSV())
		return err
	case len(args) == 2 && args[0] == "purity":
		return purity(args[1])
	}
	return fmt.Errorf("usage: digits features | digits purity ANSWER.json")
}

func purity(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var answer struct {
		Predictions []struct {
			Cluster float64 `json:"closest_cluster"`
		} `json:"predictions"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return err
	}
	_, labels := digits.Load()
	if len(answer.Predictions) != len(labels) {
		return fmt.Errorf("%d predictions for %d digits", len(answer.Predictions), len(labels))
	}
	clusters := make([]int, len(labels))
	for i, p := range answer.Predictions {
		clusters[i] = int(p.Cluster)
	}
	got := kmeans.Purity(clusters, labels)
	fmt.Printf("purity of %d digits in k=10 clusters: %.3f (at least %.2f is asked)\n", len(labels), got, least)
	if got < least {
		return fmt.Errorf("purity %.3f is below %.2f", got, least)
	}
	return nil
}
