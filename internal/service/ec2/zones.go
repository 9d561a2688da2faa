package ec2

import "strings"

// zone is an Availability Zone.
type zone struct{ Name, ID string }

// zones are the region's: three, whose ids follow their names.
func zones(region string) (out []zone) {
	for i, letter := range []string{"a", "b", "c"} {
		out = append(out, zone{region + letter, zonePrefix(region) + "-az" + string(rune('1'+i))})
	}
	return out
}

// zonePrefix shortens a region's name as AWS does: us-east-1 is use1, ap-southeast-2 is apse2.
func zonePrefix(region string) string {
	parts := strings.Split(region, "-")
	out := parts[0]
	for _, p := range parts[1:] {
		switch p {
		case "northeast", "northwest", "southeast", "southwest":
			out += p[:1] + p[5:6]
		default:
			out += p[:1]
		}
	}
	return out
}

// zoneID gives the id of a zone of the region by its name.
func zoneID(region, name string) string {
	for _, z := range zones(region) {
		if z.Name == name {
			return z.ID
		}
	}
	return ""
}

func zoneNames(all []zone) string {
	var names []string
	for _, z := range all {
		names = append(names, z.Name)
	}
	return strings.Join(names, ", ")
}

func zoneIDs(all []zone) string {
	var ids []string
	for _, z := range all {
		ids = append(ids, z.ID)
	}
	return strings.Join(ids, ", ")
}
