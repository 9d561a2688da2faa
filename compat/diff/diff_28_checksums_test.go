package diff

import "testing"

// TestDiff28Checksums: five algorithms, and the others are refused wherever they are named.
func TestDiff28Checksums(t *testing.T) {
	bucket(t, "diff-28")
	const sentence = "Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
	for _, header := range []string{"X-Amz-Checksum-Sha512", "X-Amz-Checksum-Md5", "X-Amz-Checksum-Xxhash64"} {
		root.s3(t, "PUT", "diff-28/key", "bytes", header, "AAAA").fault(t, 400, "InvalidRequest", sentence)
	}
	id := root.s3(t, "POST", "diff-28/big?uploads=", "").good(t).one(t, "UploadId")
	etag := root.s3(t, "PUT", "diff-28/big?partNumber=1&uploadId="+id, "bytes").good(t).header.Get("Etag")
	part := func(more string) string {
		return "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etag + "</ETag>" + more + "</Part></CompleteMultipartUpload>"
	}
	complete := "diff-28/big?uploadId=" + id
	root.s3(t, "POST", complete, part("<ChecksumSHA512>AAAA</ChecksumSHA512>")).fault(t, 400, "InvalidRequest", sentence)
	root.s3(t, "POST", complete, part(""), "X-Amz-Checksum-Sha512", "AAAA").fault(t, 400, "InvalidRequest", sentence)
	root.s3(t, "POST", complete, part("")).good(t)
}
