// Command scale gives a large configuration to proxies by xDS, one after the other, and prints what it costs them:
//
//	go run ./cmd/scale -clusters 5000 moe=build/release/moe envoy=$HOME/.cache/moe/bench/bin/envoy
//
// Time to ready (of the process and of its CPU), resident memory, and what one endpoint's change costs: CPU time, time
// to the ACK, and time until a client sees it. Both begin when the control plane has sent the change.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	var of size
	flag.IntVar(&of.clusters, "clusters", 5000, "EDS clusters")
	flag.IntVar(&of.endpoints, "endpoints", 10, "endpoints of each cluster")
	flag.IntVar(&of.listeners, "listeners", 500, "listeners, each with a connection manager and RDS")
	changes := flag.Int("changes", 100, "changes of one endpoint")
	ways := flag.String("ways", "delta,sotw,whole", "of xDS: delta; sotw: state of the world, where a response has the assignment that "+
		"changed; whole: it has all of them")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: scale [OPTION...] NAME=PROGRAM...")
		flag.PrintDefaults()
	}
	flag.Parse()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', tabwriter.AlignRight|tabwriter.Debug)
	fmt.Printf("%d clusters with %d endpoints, %d listeners, %d changes\n", of.clusters, of.endpoints, of.listeners, *changes)
	fmt.Fprintln(table, "peer\tway\tready s\tCPU s\tMiB\tMiB after\tCPU ms/change\tto ACK ms p50\tmax\tto client ms p50\tmax\t")
	failed := false
	for _, peer := range flag.Args() {
		name, program, ok := strings.Cut(peer, "=")
		if !ok {
			flag.Usage()
			os.Exit(2)
		}
		for way := range strings.SplitSeq(*ways, ",") {
			r, err := measure(program, way, of, *changes)
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s, %s: %v\n", name, way, err)
				failed = true
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%.1f\t%.2f\t%.1f\t%.1f\t%.2f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", name, way, r.ready.Seconds(), r.cpu.Seconds(), r.memory,
				r.after, millis(r.change), millis(middle(r.acks)), millis(last(r.acks)), millis(middle(r.seen)), millis(last(r.seen)))
		}
	}
	table.Flush()
	if failed {
		os.Exit(1)
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
