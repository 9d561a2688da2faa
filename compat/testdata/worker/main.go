// Command worker is the program of an image that the tests push and train: it tells as whom it runs.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Printf("worker: uid=%d gid=%d arguments=%q greeting=%q\n", os.Getuid(), os.Getgid(), os.Args[1:], os.Getenv("GREETING"))
}
