package diff

import (
	"slices"
	"testing"
)

// TestDiff13Zones: three zones, whose ids follow their names in every account.
func TestDiff13Zones(t *testing.T) {
	a := root.query(t, "ec2", "DescribeAvailabilityZones").good(t)
	if got := a.all("zoneName"); !slices.Equal(got, []string{region + "a", region + "b", region + "c"}) {
		t.Errorf("zones %q", got)
	}
	if got := a.all("zoneId"); !slices.Equal(got, []string{"use1-az1", "use1-az2", "use1-az3"}) {
		t.Errorf("ids %q", got)
	}
}
