package integration

import (
	"bufio"
	"crypto/tls"
	endian "encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

const filterChainTable = "../data/filter_chains.txt"

// chainListener is a listener of the table: see its first lines.
type chainListener struct {
	name       string
	chains     [][2]string // name and filter_chain_match
	hasDefault bool
	cases      []chainCase
}

type chainCase struct {
	line             string
	to, from         netip.AddrPort
	tls              bool
	serverName       string
	protocols        []string
	peerIsNotThisOne bool // cannot be made on one machine
	want             string
}

func readFilterChains(t *testing.T) []chainListener {
	t.Helper()
	file, err := os.Open(filterChainTable)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var listeners []chainListener
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, found := strings.CutPrefix(line, "listener "); found {
			listeners = append(listeners, chainListener{name: name})
			continue
		}
		last := &listeners[len(listeners)-1]
		if rest, found := strings.CutPrefix(line, "chain "); found {
			name, match, _ := strings.Cut(rest, " ")
			last.chains = append(last.chains, [2]string{name, match})
		} else if line == "default" {
			last.hasDefault = true
		} else {
			last.cases = append(last.cases, readChainCase(t, line))
		}
	}
	return listeners
}

func readChainCase(t *testing.T, line string) chainCase {
	t.Helper()
	facts, want, found := strings.Cut(line, "=> ")
	if !found {
		t.Fatalf("%s: %q", filterChainTable, line)
	}
	c := chainCase{line: line, want: want,
		to: netip.MustParseAddrPort("10.0.0.1:80"), from: netip.MustParseAddrPort("192.0.2.1:40000")}
	for _, fact := range strings.Fields(facts) {
		key, value, _ := strings.Cut(fact, "=")
		switch key {
		case "to":
			c.to = netip.MustParseAddrPort(value)
		case "from":
			c.from = netip.MustParseAddrPort(value)
		case "peer":
			c.peerIsNotThisOne = !strings.HasPrefix(value, "127.0.0.1:")
		case "tls":
			c.tls = true
		case "sni":
			c.tls, c.serverName = true, value
		case "alpn":
			c.tls, c.protocols = true, strings.Split(value, ",")
		default:
			t.Fatalf("%s: %q", filterChainTable, line)
		}
	}
	if c.to.Addr().Is6() && c.from.Addr().Is4() { // a PROXY header has addresses of one family
		c.from = netip.MustParseAddrPort("[2001:db8:ffff::1]:40000")
	}
	return c
}

// startNaming listens, and says `name` to whoever connects.
func startNaming(t *testing.T, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
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
				fmt.Fprint(connection, name)
				_ = connection.(*net.TCPConn).CloseWrite()
				_ = connection.SetDeadline(time.Now().Add(deadline))
				_, _ = io.Copy(io.Discard, connection)
			}()
		}
	}()
	return listener.Addr().String()
}

const proxyProtocolFilter = `{name: proxy, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}`
const tlsInspectorFilter = `{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}`
const httpInspectorFilter = `{name: http, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector}}`
const originalDstFilter = `{name: dst, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst}}`

// tcpChain is a filter chain that proxies to a cluster.
func tcpChain(name, match, cluster string) string {
	if match != "" {
		match = ", filter_chain_match: " + match
	}
	return fmt.Sprintf(`{name: %q%s, filters: [{name: tcp, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: %s, cluster: %s}}]}`,
		name, match, cluster, cluster)
}

// clientHello is what Go's client begins with.
func clientHello(t *testing.T, serverName string, protocols []string) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: serverName, NextProtos: protocols, InsecureSkipVerify: true}).Handshake()
		client.Close()
	}()
	_ = server.SetDeadline(time.Now().Add(deadline))
	header := make([]byte, 5)
	if _, err := io.ReadFull(server, header); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, endian.BigEndian.Uint16(header[3:]))
	if _, err := io.ReadFull(server, body); err != nil {
		t.Fatal(err)
	}
	return append(header, body...)
}

// proxyHeader2 is a PROXY header of version 2, with TLVs as they are.
func proxyHeader2(from, to netip.AddrPort, tlvs ...byte) []byte {
	family := byte(0x11)
	if to.Addr().Is6() {
		family = 0x21
	}
	addresses := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	addresses = endian.BigEndian.AppendUint16(addresses, from.Port())
	addresses = append(endian.BigEndian.AppendUint16(addresses, to.Port()), tlvs...)
	header := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21"), family)
	header = endian.BigEndian.AppendUint16(header, uint16(len(addresses)))
	return append(header, addresses...)
}

// sayAll sends bytes and returns all that comes; "" for a connection that is closed or reset.
func sayAll(t *testing.T, address string, bytes []byte) string {
	t.Helper()
	connection, err := net.DialTimeout("tcp", address, deadline)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	_, _ = connection.Write(bytes)
	got, err := io.ReadAll(connection)
	if err != nil && os.IsTimeout(err) {
		return "(timeout)"
	}
	return string(got)
}

// startFilterChains runs all listeners of the table; one port each.
func startFilterChains(t *testing.T, program string, listeners []chainListener) []int {
	t.Helper()
	clusters := map[string]bool{}
	var config, clusterLines strings.Builder
	config.WriteString("static_resources:\n  listeners:\n")
	cluster := func(name string) string {
		if !clusters[name] {
			clusters[name] = true
			fmt.Fprintf(&clusterLines, "  - %s\n", staticCluster("to_"+name, "", startNaming(t, name)))
		}
		return "to_" + name
	}
	var ports []int
	for _, listener := range listeners {
		port := freePort(t)
		ports = append(ports, port)
		fmt.Fprintf(&config, "  - name: %s\n    address: {socket_address: {address: 127.0.0.1, port_value: %d}}\n    listener_filters: [%s, %s]\n",
			listener.name, port, proxyProtocolFilter, tlsInspectorFilter)
		if len(listener.chains) > 0 {
			config.WriteString("    filter_chains:\n")
		}
		for _, chain := range listener.chains {
			fmt.Fprintf(&config, "    - %s\n", tcpChain(chain[0], chain[1], cluster(chain[0])))
		}
		if listener.hasDefault {
			fmt.Fprintf(&config, "    default_filter_chain: %s\n", tcpChain("default", "", cluster("default")))
		}
	}
	arguments := []string{"--concurrency", "1", "-l", "error"}
	if program != binary(t) {
		arguments = append(arguments, "--disable-hot-restart")
	}
	startProgram(t, program, arguments, config.String()+"  clusters:\n"+clusterLines.String(), ports...)
	return ports
}

func testFilterChains(t *testing.T, program string) {
	listeners := readFilterChains(t)
	ports := startFilterChains(t, program, listeners)
	cases := 0
	for i, listener := range listeners {
		for _, c := range listener.cases {
			if c.peerIsNotThisOne {
				continue
			}
			cases++
			bytes := []byte("hello\r\n")
			if c.tls {
				bytes = clientHello(t, c.serverName, c.protocols)
			}
			got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", ports[i]), append(proxyHeader2(c.from, c.to), bytes...))
			if got == "" {
				got = "none"
			}
			if got != c.want {
				t.Errorf("%s: %s, but it was %s", listener.name, c.line, got)
			}
		}
	}
	if cases < 150 {
		t.Errorf("only %d cases", cases)
	}
}

func TestFilterChainsAreChosenAsTheTableSays(t *testing.T) { testFilterChains(t, binary(t)) }

func TestFilterChainsInEnvoyIfMOE_ENVOYNamesOne(t *testing.T) {
	envoy := os.Getenv("MOE_ENVOY")
	if envoy == "" {
		t.Skip("MOE_ENVOY does not name an envoy binary (tools/setup --bench installs ~/.cache/moe/bench/bin/envoy)")
	}
	testFilterChains(t, envoy)
}
