// Command sites runs HTTP servers that say who they are, as upstreams to try things with:
//
//	sites -listen s1=127.0.0.1:8001,s2=127.0.0.1:0
//
// The list may also be given as arguments, one a site; without any there are s1, s2 and s3 on free
// ports. Port 0 takes a free one. A line "s1 127.0.0.1:8001" tells that a site is ready. SIGTERM or
// an interrupt ends them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usual = "s1=127.0.0.1:0,s2=127.0.0.1:0,s3=127.0.0.1:0"

func main() {
	listen := flag.String("listen", "", "NAME=HOST:PORT of each site, with commas between them")
	flag.Parse()
	list := flag.Args()
	if *listen != "" {
		list = append(strings.Split(*listen, ","), list...)
	}
	if len(list) == 0 {
		list = strings.Split(usual, ",")
	}
	done, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(done, list, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sites:", err)
		os.Exit(1)
	}
}

// run serves the sites of a list until done.
func run(done context.Context, list []string, out io.Writer) error {
	for _, one := range list {
		name, address, ok := strings.Cut(one, "=")
		if !ok || name == "" {
			return fmt.Errorf("found %q, expected NAME=HOST:PORT", one)
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: site(name), ReadHeaderTimeout: 10 * time.Second}
		defer server.Close()
		go func() { _ = server.Serve(listener) }()
		fmt.Fprintln(out, name, listener.Addr())
	}
	<-done.Done()
	return nil
}

func site(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Site", name)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "{\"site\": %q, \"method\": %q, \"path\": %q}\n", name, r.Method, r.URL.Path)
	})
}
