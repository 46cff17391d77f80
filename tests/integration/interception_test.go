package integration

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inNamespace moves the calling goroutine, and what it starts, to a network of its own in which `commands` have run; it
// skips the test where that is not possible: not root, no iptables, no such target in the kernel.
func inNamespace(t *testing.T, commands ...string) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Skip("cannot make a network namespace: ", err)
	}
	for _, command := range append([]string{"ip link set lo up"}, commands...) {
		if output, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Skipf("%s: %v: %s", command, err, output)
		}
	}
}

// interceptors has listeners that are bound to no port, behind one that is and that gets what is redirected.
func interceptors(port int, fields string) func(string) []string {
	return func(string) []string {
		chain := func(name string) string { return "filter_chains: [" + tcpChain(name, "", name) + "]" }
		return []string{
			bareListener("first", "0.0.0.0", port, "use_original_dst: true, "+fields, chain("first")),
			bareListener("first6", "::", port, "use_original_dst: true, "+fields, chain("first")),
			bareListener("exact", "10.9.0.1", 80, "bind_to_port: false,", chain("exact")),
			bareListener("wild", "0.0.0.0", 80, "bind_to_port: false,", chain("wild")),
			bareListener("exact6", "fd09::1", 80, "bind_to_port: false,", chain("exact6")),
			bareListener("wild6", "::", 80, "bind_to_port: false,", chain("wild6")),
		}
	}
}

func testIntercepted(t *testing.T, program string, port int, fields string) {
	startListeners(t, program, []string{"first", "exact", "wild", "exact6", "wild6"}, interceptors(port, fields), port)
	for _, c := range [][2]string{
		{"10.9.0.1:80", "exact"}, {"10.9.0.2:80", "wild"}, {"10.9.0.1:81", "first"},
		{"[fd09::1]:80", "exact6"}, {"[fd09::2]:80", "wild6"}, {"[fd09::1]:81", "first"},
		{fmt.Sprintf("127.0.0.1:%d", port), "first"}, // not redirected
	} {
		if got := sayAll(t, c[0], nil); got != c[1] {
			t.Errorf("to %s: %q, not %q", c[0], got, c[1])
		}
	}
}

func TestRedirectedConnectionsIfRootAndIptables(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		const port = 15001
		inNamespace(t, "ip route add local 10.9.0.0/16 dev lo", "ip -6 route add local fd09::/16 dev lo",
			"iptables -t nat -A OUTPUT -p tcp -d 10.9.0.0/16 -j REDIRECT --to-ports 15001",
			"ip6tables -t nat -A OUTPUT -p tcp -d fd09::/16 -j REDIRECT --to-ports 15001")
		testIntercepted(t, program, port, "")
	})
}

func TestTransparentConnectionsIfRootAndIptables(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		const port = 15002
		// Another source than the destination: answers must not be caught, too.
		inNamespace(t, "ip route add local 10.9.0.0/16 dev lo src 127.0.0.1", "ip -6 route add local fd09::/16 dev lo src ::1",
			"iptables -t mangle -A PREROUTING -p tcp -d 10.9.0.0/16 -j TPROXY --on-port 15002 --tproxy-mark 1",
			"ip6tables -t mangle -A PREROUTING -p tcp -d fd09::/16 -j TPROXY --on-port 15002 --tproxy-mark 1",
			"ip rule add fwmark 1 lookup 100", "ip route add local 0.0.0.0/0 dev lo table 100",
			"ip -6 rule add fwmark 1 lookup 100", "ip -6 route add local ::/0 dev lo table 100")
		testIntercepted(t, program, port, "transparent: true,")
	})
}

// A cluster of type ORIGINAL_DST goes on to where the connection was going: TCP and HTTP, each on its own connection.
func TestOriginalDstClusterIfRootAndIptables(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		// What the proxy sends comes from 127.0.0.6 and is not redirected again.
		inNamespace(t, "ip route add local 10.9.0.0/16 dev lo",
			"iptables -t nat -A OUTPUT -p tcp -s 127.0.0.6/32 -j RETURN",
			"iptables -t nat -A OUTPUT -p tcp -d 10.9.0.0/16 -j REDIRECT --to-ports 15001")
		const cluster = `{name: %s, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, connect_timeout: 5s, upstream_bind_config: {source_address: {address: 127.0.0.6, port_value: 0}}%s}`
		listener := bareListener("first", "0.0.0.0", 15001, "use_original_dst: true, listener_filters: ["+originalDstFilter+", "+httpInspectorFilter+"], listener_filters_timeout: 0.1s, continue_on_listener_filters_timeout: true,",
			"filter_chains: ["+tcpChain("tcp", "", "there")+`, {name: http, filter_chain_match: {application_protocols: ["http/1.1"]}, filters: [{name: hcm, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: h, http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /header}, route: {cluster: header}}, {match: {prefix: /}, route: {cluster: there}}]}]}}}]}]`)
		arguments := []string{"--concurrency", "1", "-l", "error"}
		if program != binary(t) {
			arguments = append(arguments, "--disable-hot-restart")
		}
		startProgram(t, program, arguments, "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 15000}}}\nstatic_resources:\n  listeners:\n  - "+listener+"\n  clusters:\n  - "+
			fmt.Sprintf(cluster, "there", "")+"\n  - "+fmt.Sprintf(cluster, "header", ", cleanup_interval: 0.05s, original_dst_lb_config: {use_http_header: true, http_header_name: X-There, upstream_port_override: 8080}")+"\n", 15001, 15000)
		for _, address := range []string{"10.9.0.1:80", "10.9.0.2:80", "10.9.0.3:8080"} {
			startNamingAt(t, address)
		}
		for _, address := range []string{"10.9.0.1:80", "10.9.0.2:80"} {
			if got := sayAll(t, address, nil); got != address {
				t.Errorf("TCP to %s: %q", address, got)
			}
			if got := sayAll(t, address, []byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")); !strings.HasSuffix(got, address) {
				t.Errorf("HTTP to %s: %q", address, got)
			}
		}
		if got := sayAll(t, "10.9.0.1:80", []byte("GET /header HTTP/1.1\r\nHost: a\r\nX-There: 10.9.0.3:1\r\nConnection: close\r\n\r\n")); !strings.HasSuffix(got, "10.9.0.3:8080") {
			t.Errorf("by header: %q", got)
		}
		// A header that names nothing is counted, and the destination counts.
		if got := sayAll(t, "10.9.0.3:80", []byte("GET /header HTTP/1.1\r\nHost: a\r\nX-There: nowhere\r\nConnection: close\r\n\r\n")); !strings.HasSuffix(got, "10.9.0.3:8080") {
			t.Errorf("by a wrong header: %q", got)
		}
		// A connection that was not redirected has no destination. (Envoy connects to itself.)
		if program != binary(t) {
			return
		}
		if got := sayAll(t, "127.0.0.1:15001", []byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")); !strings.HasPrefix(got, "HTTP/1.1 503") {
			t.Errorf("not redirected: %q", got)
		}
		eventually(t, func() string {
			stats := sayAll(t, "127.0.0.1:15000", []byte("GET /stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
			for _, line := range []string{"cluster.header.original_dst_host_invalid: 1\n", "cluster.header.membership_total: 0\n"} {
				if !strings.Contains(strings.ReplaceAll(stats, "\r\n", "\n"), line) {
					return "no line " + line
				}
			}
			return ""
		})
	})
}

// startNamingAt says its address to whoever connects, as HTTP to who speaks it.
func startNamingAt(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				// TCP clients say nothing.
				_ = connection.SetDeadline(time.Now().Add(300 * time.Millisecond))
				some := make([]byte, 4)
				if n, _ := io.ReadFull(connection, some); n == 4 {
					_ = connection.SetDeadline(time.Now().Add(deadline))
					_, _ = connection.Read(make([]byte, 4096))
					fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(address))
				}
				_ = connection.SetDeadline(time.Now().Add(deadline))
				fmt.Fprint(connection, address)
				_ = connection.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, connection)
			}()
		}
	}()
}
