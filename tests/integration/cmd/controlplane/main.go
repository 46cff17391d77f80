// Command controlplane serves xDS resources from YAML files, and serves them anew when the files change:
//
//	go run ./cmd/controlplane -listen 127.0.0.1:18000 ../../configs/xds/*.yaml
//	build/release/moe -c configs/ads.yaml
//
// It prints what clients say. State of the world and incremental, ADS and streams of one type are all served.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/moeproxy/moe/tests/integration/controlplane"
	"google.golang.org/protobuf/proto"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:18000", "address; with a slash: path of a UNIX socket")
	every := flag.Duration("every", time.Second, "how often files are looked at")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: controlplane [-listen ADDRESS] FILE.yaml...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	options := controlplane.Options{Address: *listen, Identifier: "moe-example"}
	if strings.Contains(*listen, "/") {
		options.Network = "unix"
	}
	resources, stamp, err := read(flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	server, err := controlplane.Start(options)
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Set(resources...); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d resources on %v", len(resources), server.Addr())
	for {
		time.Sleep(*every)
		for _, request := range server.Requests() {
			log.Print(request)
		}
		server.Forget()
		if now := stampOf(flag.Args()); now == stamp {
			continue
		}
		if resources, stamp, err = read(flag.Args()); err == nil {
			err = server.Set(resources...)
		}
		if err != nil {
			log.Printf("the old resources stay: %v", err)
			continue
		}
		log.Printf("now %d resources", len(resources))
	}
}

func read(files []string) (all []proto.Message, stamp string, err error) {
	stamp = stampOf(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, stamp, err
		}
		resources, err := controlplane.Parse(string(text))
		if err != nil {
			return nil, stamp, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, resources...)
	}
	return all, stamp, nil
}

// stampOf changes with the files.
func stampOf(files []string) string {
	var out strings.Builder
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintf(&out, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return out.String()
}
