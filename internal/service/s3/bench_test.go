package s3

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
)

// BenchmarkPutAndGet goes the whole way: TLS, door, policies, disk.
func BenchmarkPutAndGet(b *testing.B) {
	for name, size := range map[string]int{"1KB": 1 << 10, "64MB": 64 << 20} {
		_, c, _ := bucketFor(b, "data")
		body := string(noise(size))
		b.Run("put "+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				r := c.request("PUT", fmt.Sprintf("/data/%d", i%8), strings.NewReader(body))
				sigv4.Sign(r, sigv4.UnsignedPayload, c.credentials(), sigv4.Scope{Region: c.region, Service: "s3"}, time.Now())
				c.send(r).good(b)
			}
		})
		b.Run("get "+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				r := c.request("GET", "/data/0", nil)
				sigv4.Sign(r, sigv4.UnsignedPayload, c.credentials(), sigv4.Scope{Region: c.region, Service: "s3"}, time.Now())
				w, err := c.http.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, w.Body); err != nil || n != int64(size) {
					b.Fatal(n, err)
				}
				w.Body.Close()
			}
		})
	}
}
