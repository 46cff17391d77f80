// Command sites runs HTTP servers that say who they are, as upstreams to try things with:
//
//	sites s1=127.0.0.1:8001 s2=127.0.0.1:0
//
// Port 0 takes a free one. A line "s1 127.0.0.1:8001" tells that a site is ready.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: sites NAME=HOST:PORT...")
		os.Exit(2)
	}
	done, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var servers []*http.Server
	for _, argument := range os.Args[1:] {
		name, address, ok := strings.Cut(argument, "=")
		if !ok {
			fmt.Fprintf(os.Stderr, "found %q, expected NAME=HOST:PORT\n", argument)
			os.Exit(2)
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		server := &http.Server{Handler: site(name), ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, server)
		go func() { _ = server.Serve(listener) }()
		fmt.Println(name, listener.Addr())
	}
	<-done.Done()
	for _, server := range servers {
		_ = server.Close()
	}
}

func site(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Site", name)
		fmt.Fprintf(w, "site %s answers %s %s\n", name, r.Method, r.URL.Path)
	})
}
