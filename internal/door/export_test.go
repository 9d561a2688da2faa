package door

import "io"

// Handle is one request of a connection, for the benchmark.
var Handle = (*Door).handle

// Incoming is a body of a length, negative when it is not known.
func Incoming(from io.Reader, length int64) io.Reader { return &incoming{from: from, left: length} }
