package kmeans

import (
	"math"
	"strconv"
)

// Names of a prediction's two numbers.
const (
	ClosestCluster    = "closest_cluster"
	DistanceToCluster = "distance_to_cluster"
)

// AppendJSON appends {"predictions": [...]} as the endpoint answers application/json.
func AppendJSON(dst []byte, predictions []Prediction) []byte {
	dst = append(dst, `{"predictions":[`...)
	for i, p := range predictions {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendObject(dst, p)
	}
	return append(dst, "]}"...)
}

// AppendJSONLines appends one object for each line.
func AppendJSONLines(dst []byte, predictions []Prediction) []byte {
	for _, p := range predictions {
		dst = append(appendObject(dst, p), '\n')
	}
	return dst
}

// AppendCSV appends "cluster,distance" for each line.
func AppendCSV(dst []byte, predictions []Prediction) []byte {
	for _, p := range predictions {
		dst = appendFloat(dst, float64(p.Cluster))
		dst = appendFloat(append(dst, ','), float64(p.Distance))
		dst = append(dst, '\n')
	}
	return dst
}

func appendObject(dst []byte, p Prediction) []byte {
	dst = append(dst, `{"`+ClosestCluster+`":`...)
	dst = appendFloat(dst, float64(p.Cluster))
	dst = append(dst, `,"`+DistanceToCluster+`":`...)
	dst = appendFloat(dst, float64(p.Distance))
	return append(dst, '}')
}

// appendFloat writes a number as Python does: whole ones end in ".0".
func appendFloat(dst []byte, v float64) []byte {
	if v != 0 && (math.Abs(v) < 1e-4 || math.Abs(v) >= 1e16) {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}
