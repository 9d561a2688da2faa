package door

// Handle is one request of a connection, for the benchmark.
var Handle = (*Door).handle
