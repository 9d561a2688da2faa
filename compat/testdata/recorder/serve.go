package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
)

// asked is a request.
type asked struct {
	Method, Path string
	Header       http.Header
	Body         string
	Length       int64
}

// serve is healthy and answers requests with the record and with what they were; it ends with a signal, of which the
// log tells.
func serve(r *record, signals <-chan os.Signal) {
	var mu sync.Mutex
	answer := func(w http.ResponseWriter, in *http.Request) {
		b, _ := io.ReadAll(in.Body)
		mu.Lock()
		one := *r
		one.Asked = &asked{in.Method, in.URL.Path, in.Header, string(b), in.ContentLength}
		r.Before = append(r.Before, in.Method+" "+in.URL.Path+" "+in.UserAgent())
		mu.Unlock()
		switch in.URL.Path {
		case "/ping":
		case "/invocations":
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Amzn-SageMaker-Custom-Attributes", "answered")
			json.NewEncoder(w).Encode(&one) //nolint:errcheck // who left gets nothing
		default:
			http.NotFound(w, in)
		}
	}
	go func() {
		fmt.Println(http.ListenAndServe(":8080", http.HandlerFunc(answer)))
		os.Exit(1)
	}()
	fmt.Println("heard", <-signals)
}
