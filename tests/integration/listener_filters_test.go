package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listeners is a running proxy with listeners that are given as YAML in flow style.
type listeners struct {
	*moe
	t     *testing.T
	admin int
	log   string // a file that access logs may be written to
}

// startListeners runs a proxy; chains may name the clusters in `names`, which say their names.
func startListeners(t *testing.T, program string, names []string, config func(log string) []string, ports ...int) *listeners {
	t.Helper()
	l := &listeners{t: t, admin: freePort(t), log: filepath.Join(t.TempDir(), "log")}
	var out strings.Builder
	out.WriteString("static_resources:\n  listeners:\n")
	for _, listener := range config(l.log) {
		fmt.Fprintf(&out, "  - %s\n", listener)
	}
	out.WriteString("  clusters:\n")
	for _, name := range names {
		fmt.Fprintf(&out, "  - %s\n", staticCluster(name, "", startNaming(t, name)))
	}
	arguments := []string{"--concurrency", "1", "-l", "info", "--file-flush-interval-msec", "10"}
	if program != binary(t) {
		arguments = append(arguments, "--disable-hot-restart")
	}
	l.moe = startProgram(t, program, arguments, withAdmin(l.admin, out.String()), append(ports, l.admin)...)
	return l
}

// stat is the value of a counter or gauge by the end of its name.
func (l *listeners) stat(name string) string {
	l.t.Helper()
	for key, value := range adminStats(adminAsk(l.t, http.DefaultClient, "GET", url(l.admin, "/stats")).body) {
		if strings.HasSuffix(key, name) {
			return value
		}
	}
	return "(none)"
}

func (l *listeners) awaitStat(name, want string) {
	l.t.Helper()
	becomesTrue(l.t, func() string { return name + " is " + l.stat(name) + ", not " + want },
		func() bool { return l.stat(name) == want })
}

// logged waits for the next line of the log.
func (l *listeners) logged(before int) string {
	l.t.Helper()
	var line string
	becomesTrue(l.t, func() string { return "no new line in the log" }, func() bool {
		text, _ := os.ReadFile(l.log)
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if len(text) == 0 || len(lines) <= before {
			return false
		}
		line = lines[before]
		return true
	})
	return line
}

// oneListener has one chain, which logs what is known of its connections.
func oneListener(port int, fields, format, cluster string) func(string) []string {
	return func(log string) []string {
		return []string{fmt.Sprintf(`{name: l, address: {socket_address: {address: 127.0.0.1, port_value: %d}}, %s, filter_chains: [{filters: [{name: tcp, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: %s, access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: %s, log_format: {text_format_source: {inline_string: "%s\n"}}}}]}}]}]}`,
			port, fields, cluster, log, format)}
	}
}

// twoPrograms are moe and, if MOE_ENVOY names one, Envoy.
func twoPrograms(t *testing.T, test func(t *testing.T, program string)) {
	t.Run("moe", func(t *testing.T) { test(t, binary(t)) })
	t.Run("EnvoyIfMOE_ENVOYNamesOne", func(t *testing.T) {
		envoy := os.Getenv("MOE_ENVOY")
		if envoy == "" {
			t.Skip("MOE_ENVOY does not name an envoy binary")
		}
		test(t, envoy)
	})
}

func v2(command, family byte, body string) string {
	return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{command, family, byte(len(body) >> 8), byte(len(body))}) + body
}

const v2Addresses = "\xc0\x00\x02\x01\x0a\x00\x00\x01\x9c\x40\x00\x50"

var proxyHeaders = []struct {
	name, bytes string
	want        string // remote and local address, or "closed"
	envoy       string // where it is something else there: moe is stricter
}{
	{"v1 TCP4", "PROXY TCP4 192.0.2.1 10.0.0.1 40000 80\r\n", "192.0.2.1:40000 10.0.0.1:80", ""},
	{"v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "[2001:db8::1]:1 [2001:db8::2]:65535", ""},
	{"v1 UNKNOWN", "PROXY UNKNOWN\r\n", "own", ""},
	{"v1 UNKNOWN with rest", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "own", ""},
	{"v1 port 0", "PROXY TCP4 192.0.2.1 10.0.0.1 0 80\r\n", "192.0.2.1:0 10.0.0.1:80", ""},
	{"v1 bad port", "PROXY TCP4 192.0.2.1 10.0.0.1 65536 80\r\n", "closed", ""},
	{"v1 port with a leading zero", "PROXY TCP4 192.0.2.1 10.0.0.1 1 080\r\n", "closed", "192.0.2.1:1 10.0.0.1:80"},
	{"v1 too few words", "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n", "closed", ""},
	{"v1 two spaces", "PROXY TCP4  192.0.2.1 10.0.0.1 1 80\r\n", "closed", ""},
	{"v1 space at the end", "PROXY TCP4 192.0.2.1 10.0.0.1 1 80 \r\n", "closed", "192.0.2.1:1 10.0.0.1:80"},
	{"v1 other family", "PROXY TCP4 2001:db8::1 2001:db8::2 1 80\r\n", "closed", ""},
	{"v1 multicast", "PROXY TCP4 224.0.0.1 10.0.0.1 1 80\r\n", "closed", ""},
	{"v1 any", "PROXY TCP4 0.0.0.0 10.0.0.1 1 80\r\n", "closed", ""},
	{"v1 too long", "PROXY UNKNOWN " + strings.Repeat("x", 200) + "\r\n", "closed", ""},
	{"v1 unknown protocol", "PROXY UDP4 192.0.2.1 10.0.0.1 1 80\r\n", "closed", ""},
	{"v2 TCP4", v2(0x21, 0x11, v2Addresses), "192.0.2.1:40000 10.0.0.1:80", ""},
	{"v2 UDP4", v2(0x21, 0x12, v2Addresses), "192.0.2.1:40000 10.0.0.1:80", ""},
	{"v2 LOCAL", v2(0x20, 0x00, ""), "own", ""},
	{"v2 LOCAL with addresses", v2(0x20, 0x11, v2Addresses), "own", ""},
	{"v2 unspecified", v2(0x21, 0x00, v2Addresses), "closed", ""},
	{"v2 UNIX", v2(0x21, 0x31, strings.Repeat("a", 216)), "closed", ""},
	{"v2 command 2", v2(0x22, 0x11, v2Addresses), "closed", ""},
	{"v2 version 3", v2(0x31, 0x11, v2Addresses), "closed", ""},
	{"v2 too short", v2(0x21, 0x11, v2Addresses[:11]), "closed", ""},
	{"v2 with values", v2(0x21, 0x11, v2Addresses+"\x02\x00\x01a\xea\x00\x03bcd"), "192.0.2.1:40000 10.0.0.1:80", ""},
	{"v2 with half a value", v2(0x21, 0x11, v2Addresses+"\x02\x00\x02a"), "closed", ""},
	{"v2 with half a length", v2(0x21, 0x11, v2Addresses+"\x02\x00"), "closed", ""},
	{"no header", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "closed", ""},
}

func TestProxyProtocolHeaders(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port := freePort(t)
		l := startListeners(t, program, []string{"up"}, oneListener(port, "listener_filters: ["+proxyProtocolFilter+"]",
			"%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS%", "up"), port)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		lines := 0
		for _, c := range proxyHeaders {
			want := c.want
			if c.envoy != "" && program != binary(t) {
				want = c.envoy
			}
			got := "closed"
			if sayAll(t, address, []byte(c.bytes+"hello")) == "up" {
				got = l.logged(lines)
				lines++
				if strings.HasPrefix(got, "127.0.0.1:") && strings.HasSuffix(got, " "+address) {
					got = "own"
				}
			}
			if got != want {
				t.Errorf("%s: %q, not %q", c.name, got, want)
			}
		}
	})
}

// A header and what follows may come in any pieces; what follows is not lost.
func TestProxyProtocolByTheByte(t *testing.T) {
	echo := echoServer(t)
	port := freePort(t)
	startProgram(t, binary(t), []string{"--concurrency", "1"}, "static_resources:\n  listeners:\n  - "+
		oneListener(port, "listener_filters: ["+proxyProtocolFilter+", "+tlsInspectorFilter+"]", "x", "echo")("/dev/null")[0]+
		"\n  clusters:\n  - "+staticCluster("echo", "", echo)+"\n", port)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	payload := append(clientHello(t, "a.com", nil), "and more"...)
	for _, b := range append(proxyHeader2(netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("10.0.0.1:2"), 1, 0, 2, 'h', '2'), payload...) {
		if _, err := connection.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	_ = connection.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(connection)
	if err != nil || !bytes.Equal(got, payload) {
		t.Errorf("%v: got %d bytes %q, sent %d", err, len(got), got, len(payload))
	}
}

func echoServer(t *testing.T) string {
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
				_, _ = io.Copy(connection, connection)
				connection.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func TestProxyProtocolValuesBecomeMetadata(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port := freePort(t)
		filter := `{name: proxy, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol, stat_prefix: mine, rules: [{tlv_type: 2, on_tlv_present: {key: authority}}, {tlv_type: 234, on_tlv_present: {metadata_namespace: aws, key: vpce, value_string_encoding: BASE64}}]}}`
		l := startListeners(t, program, []string{"up"}, oneListener(port, "listener_filters: ["+filter+"]",
			"%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:authority)% %DYNAMIC_METADATA(aws:vpce)% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "up"), port)
		sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), []byte(v2(0x21, 0x11, v2Addresses+"\x02\x00\x05a\xff.bc\xea\x00\x02\x01\xfe\x07\x00\x00")))
		if got, want := l.logged(0), "a!.bc Af4= 127.0.0.1"; got != want {
			t.Errorf("%q, not %q", got, want)
		}
		l.awaitStat("proxy_proto.mine.versions.v2.found", "1")
		sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), []byte("PROXY nonsense\r\n"))
		l.awaitStat("proxy_proto.mine.versions.v1.error", "1")
		sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), []byte(strings.Repeat("nonsense", 5)))
		l.awaitStat("proxy_proto.mine.not_found_disallowed", "1")
	})
}

func TestProxyProtocolMayBeAbsentOrOfOneVersion(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port, other := freePort(t), freePort(t)
		filter := func(fields string) string {
			return `listener_filters: [{name: proxy, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol, ` + fields + `}}]`
		}
		l := startListeners(t, program, []string{"up"}, func(log string) []string {
			return append(oneListener(port, filter("allow_requests_without_proxy_protocol: true"), "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "up")(log),
				strings.Replace(oneListener(other, filter("disallowed_versions: [V1]"), "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "up")(log)[0], "name: l", "name: m", 1))
		}, port, other)
		at := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
		sayAll(t, at(port), []byte("hello, without"))
		if got := l.logged(0); got != "127.0.0.1" {
			t.Error(got)
		}
		sayAll(t, at(port), []byte("PROXY TCP4 192.0.2.1 10.0.0.1 40000 80\r\n"))
		if got := l.logged(1); got != "192.0.2.1" {
			t.Error(got)
		}
		l.awaitStat("proxy_proto.not_found_allowed", "1")
		if got := sayAll(t, at(other), []byte("PROXY TCP4 192.0.2.1 10.0.0.1 40000 80\r\n")); got != "" {
			t.Errorf("a version that is off: %q", got)
		}
		l.awaitStat("proxy_proto.versions.v1.disallowed", "1")
		sayAll(t, at(other), []byte(v2(0x21, 0x11, v2Addresses)))
		if got := l.logged(2); got != "192.0.2.1" {
			t.Error(got)
		}
	})
}

func TestTLSInspectorFindsAndCounts(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port := freePort(t)
		filter := `{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector, initial_read_buffer_size: 256, max_client_hello_size: 4096}}`
		l := startListeners(t, program, []string{"up"}, oneListener(port, "listener_filters: ["+filter+"]", "[%REQUESTED_SERVER_NAME%]", "up"), port)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		hello := clientHello(t, "WWW.example.com", []string{"h2"})
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(deadline))
		for _, b := range hello {
			_, _ = connection.Write([]byte{b})
		}
		if got, _ := io.ReadAll(connection); string(got) != "up" {
			t.Errorf("by the byte: %q", got)
		}
		connection.Close()
		if got := l.logged(0); got != "[www.example.com]" {
			t.Error(got)
		}
		l.awaitStat("tls_inspector.tls_found", "1")
		l.awaitStat("tls_inspector.sni_found", "1")
		l.awaitStat("tls_inspector.alpn_found", "1")
		sayAll(t, address, clientHello(t, "", nil))
		l.awaitStat("tls_inspector.tls_found", "2")
		l.awaitStat("tls_inspector.sni_not_found", "1")
		l.awaitStat("tls_inspector.alpn_not_found", "1")
		if got := sayAll(t, address, []byte("clear text")); got != "up" {
			t.Errorf("clear text: %q", got)
		}
		l.awaitStat("tls_inspector.tls_not_found", "1")
		huge := append([]byte("\x16\x03\x01\x20\x00\x01\x00\x1f\xfc\x03\x03"), bytes.Repeat([]byte{'x'}, 8000)...)
		if got := sayAll(t, address, huge); got != "" {
			t.Errorf("a huge ClientHello: %q", got)
		}
		l.awaitStat("tls_inspector.client_hello_too_large", "1")
	})
}

// What is HTTP, and what is not: the chain that it comes to.
func TestHTTPInspectorTellsProtocols(t *testing.T) {
	cases := []struct{ bytes, want string }{
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "h11"},
		{"GET / HTTP/1.0\r\n\r\n", "h10"},
		{"get / HTTP/1.1\r\n\r\n", "h11"},
		{"NEW-METHOD /a?b HTTP/1.1\r\n\r\n", "h11"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "h2c"},
		{"PRINT / HTTP/1.1\r\n\r\n", "h11"},
		{"SSH-2.0-OpenSSH_9.2\r\n", "other"},
		{"PING\r\n", "other"},
		{"get key\r\n", "other"},
		{"*1\r\n$4\r\nPING\r\n", "other"},
		{"\r\nGET / HTTP/1.1\r\n\r\n", "other"},
		{"\x00\x00\x00\x08\x04\xd2\x16\x2f\r\n", "other"},
		{"GET / HTTP/3.0\r\n\r\n", "h10"},
		{"GET / HTTP/1.1x\r\n\r\n", "other"},
	}
	twoPrograms(t, func(t *testing.T, program string) {
		port := freePort(t)
		l := startListeners(t, program, []string{"h11", "h10", "h2c", "other"}, func(string) []string {
			return []string{fmt.Sprintf(`{name: l, address: {socket_address: {address: 127.0.0.1, port_value: %d}}, listener_filters: [%s, %s], filter_chains: [%s, %s, %s], default_filter_chain: %s}`,
				port, tlsInspectorFilter, httpInspectorFilter,
				tcpChain("a", `{application_protocols: ["http/1.1"]}`, "h11"), tcpChain("b", `{application_protocols: ["http/1.0"]}`, "h10"),
				tcpChain("c", `{application_protocols: ["h2c"]}`, "h2c"), tcpChain("d", "", "other"))}
		}, port)
		for _, c := range cases {
			if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), []byte(c.bytes)); got != c.want {
				t.Errorf("%q: %s, not %s", c.bytes, got, c.want)
			}
		}
		l.awaitStat("http_inspector.http2_found", "1")
		// TLS is not looked at again.
		if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), clientHello(t, "", []string{"http/1.1"})); got != "h11" {
			t.Errorf("TLS with ALPN: %s", got)
		}
	})
}

// proxiedTo says by a PROXY header where a connection was going.
func proxiedTo(t *testing.T, port int, destination string) string {
	t.Helper()
	from, to := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort(destination)
	if to.Addr().Is6() {
		from = netip.MustParseAddrPort("[2001:db8:ffff::1]:1000")
	}
	return sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), append(proxyHeader2(from, to), "hello\r\n"...))
}

func bareListener(name, address string, port int, fields, chains string) string {
	return fmt.Sprintf(`{name: %s, address: {socket_address: {address: "%s", port_value: %d}}, %s %s}`, name, address, port, fields, chains)
}

// A connection goes to the listener of its destination, once.
func TestUseOriginalDstHandsOver(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port, plain := freePort(t), freePort(t)
		proxied := "listener_filters: [" + proxyProtocolFilter + "],"
		chain := func(name string) string { return "filter_chains: [" + tcpChain(name, "", name) + "]" }
		names := []string{"first", "exact", "wild", "wild6", "again", "plain", "h11", "p7"}
		l := startListeners(t, program, names, func(string) []string {
			return []string{
				bareListener("first", "127.0.0.1", port, "use_original_dst: true, "+proxied, chain("first")),
				bareListener("exact", "10.0.0.1", 80, "bind_to_port: false,", chain("exact")),
				bareListener("wild", "0.0.0.0", 80, "bind_to_port: false,", chain("wild")),
				bareListener("wild6", "::", 80, "bind_to_port: false,", chain("wild6")),
				// Nobody is handed over twice.
				bareListener("again", "10.0.0.1", 81, "bind_to_port: false, use_original_dst: true,", chain("again")),
				// Without the flag an address is restored, and no more.
				bareListener("plain", "127.0.0.1", plain, proxied, chain("plain")),
				// Its own filters look at the connection, and its chains are matched.
				bareListener("inspected", "0.0.0.0", 82, "bind_to_port: false, listener_filters: ["+httpInspectorFilter+"],",
					"filter_chains: ["+tcpChain("h11", `{application_protocols: ["http/1.1"]}`, "h11")+", "+tcpChain("p7", `{prefix_ranges: [{address_prefix: 10.0.0.7, prefix_len: 32}]}`, "p7")+"]"),
			}
		}, port, plain)
		for _, c := range [][2]string{
			{"10.0.0.1:80", "exact"}, {"10.0.0.2:80", "wild"}, {"[2001:db8::1]:80", "wild6"}, {"10.0.0.2:79", "first"},
			{"10.0.0.1:81", "again"}, {"10.0.0.2:81", "first"}, {"10.0.0.7:82", "p7"}, {"10.0.0.8:82", ""},
		} {
			if got := proxiedTo(t, port, c[0]); got != c[1] {
				t.Errorf("to %s: %q, not %q", c[0], got, c[1])
			}
		}
		if got := proxiedTo(t, plain, "10.0.0.1:80"); got != "plain" {
			t.Errorf("without use_original_dst: %q", got)
		}
		header := proxyHeader2(netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("10.0.0.8:82"))
		if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), append(header, "GET / HTTP/1.1\r\n\r\n"...)); got != "h11" {
			t.Errorf("HTTP: %q", got)
		}
		l.awaitStat("listener.0.0.0.0_82.no_filter_chain_match", "1")
	})
}

func TestListenerFiltersTimeout(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port, other := freePort(t), freePort(t)
		l := startListeners(t, program, []string{"up"}, func(log string) []string {
			fields := "listener_filters: [" + httpInspectorFilter + "], listener_filters_timeout: 0.2s, "
			return []string{
				bareListener("closes", "127.0.0.1", port, fields, "filter_chains: ["+tcpChain("a", "", "up")+"]"),
				bareListener("goes_on", "127.0.0.1", other, fields+"continue_on_listener_filters_timeout: true,", "filter_chains: ["+tcpChain("a", "", "up")+"]"),
			}
		})
		l.awaitStat(fmt.Sprintf("listener.127.0.0.1_%d.downstream_pre_cx_active", port), "0")
		if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), nil); got != "" {
			t.Errorf("closes: %q", got)
		}
		l.awaitStat(fmt.Sprintf("listener.127.0.0.1_%d.downstream_pre_cx_timeout", port), "1")
		if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", other), []byte("GE")); got != "up" {
			t.Errorf("goes on: %q", got)
		}
		l.awaitStat(fmt.Sprintf("listener.127.0.0.1_%d.downstream_pre_cx_timeout", other), "1")
		l.awaitStat(fmt.Sprintf("listener.127.0.0.1_%d.downstream_pre_cx_active", other), "0")
	})
}

func TestListenerFiltersMayBeDisabledByPort(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port := freePort(t)
		disabled := strings.TrimSuffix(tlsInspectorFilter, "}") + ", filter_disabled: {or_match: {rules: [{destination_port_range: {start: 100, end: 200}}, {not_match: {destination_port_range: {start: 50, end: 1000}}}]}}}"
		startListeners(t, program, []string{"tls", "raw"}, func(string) []string {
			return []string{bareListener("l", "127.0.0.1", port, "listener_filters: ["+proxyProtocolFilter+", "+disabled+"],",
				"filter_chains: ["+tcpChain("a", "{transport_protocol: tls}", "tls")+", "+tcpChain("b", "{transport_protocol: raw_buffer}", "raw")+"]")}
		}, port)
		for destination, want := range map[int]string{99: "tls", 100: "raw", 199: "raw", 200: "tls", 49: "raw", 1000: "raw"} {
			header := proxyHeader2(netip.MustParseAddrPort("192.0.2.1:1000"), netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(destination)))
			if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), append(header, clientHello(t, "a.com", nil)...)); got != want {
				t.Errorf("port %d: %q, not %q", destination, got, want)
			}
		}
	})
}

// Whoever goes before the filters have enough is counted, and nothing is left.
func TestListenerFiltersClientThatGoesIsCounted(t *testing.T) {
	port := freePort(t)
	l := startListeners(t, binary(t), []string{"up"}, oneListener(port, "listener_filters: ["+tlsInspectorFilter+"]", "x", "up"), port)
	before := l.stat("downstream_listener_filter_remote_close")
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = connection.Write([]byte("\x16\x03"))
	l.awaitStat("downstream_pre_cx_active", "1")
	connection.Close()
	becomesTrue(t, func() string { return "not counted" },
		func() bool { return l.stat("downstream_listener_filter_remote_close") != before })
	l.awaitStat("downstream_pre_cx_active", "0")
	l.awaitStat("downstream_cx_active", "0")
}

// Sockets that filters look at count like connections.
func TestListenerFiltersCountInTheLimit(t *testing.T) {
	port := freePort(t)
	l := &listeners{t: t, admin: freePort(t)}
	config := withAdmin(l.admin, "layered_runtime: {layers: [{name: a, static_layer: {envoy.resource_limits.listener.l.connection_limit: 2}}]}\nstatic_resources:\n  listeners:\n  - "+
		oneListener(port, "listener_filters: ["+tlsInspectorFilter+"]", "x", "up")("/dev/null")[0]+
		"\n  clusters:\n  - "+staticCluster("up", "", startNaming(t, "up"))+"\n")
	l.moe = startProgram(t, binary(t), []string{"--concurrency", "1"}, config, l.admin)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	var silent []net.Conn
	for range 2 {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		silent = append(silent, connection)
	}
	l.awaitStat("downstream_pre_cx_active", "2")
	if got := sayAll(t, address, []byte("hello")); got != "" {
		t.Errorf("the third: %q", got)
	}
	l.awaitStat("downstream_cx_overflow", "1")
	silent[0].Close()
	l.awaitStat("downstream_pre_cx_active", "1")
	if got := sayAll(t, address, []byte("hello")); got != "up" {
		t.Errorf("once there is room: %q", got)
	}
}

// A drain does not wait for clients that say nothing.
func TestListenerFiltersEndWithADrain(t *testing.T) {
	port := freePort(t)
	l := startListeners(t, binary(t), []string{"up"}, oneListener(port, "listener_filters_timeout: 0s, listener_filters: ["+tlsInspectorFilter+"]", "x", "up"), port)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	l.awaitStat("downstream_pre_cx_active", "1")
	began := time.Now()
	l.moe.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the drain took %v", took)
	}
	_ = connection.SetDeadline(time.Now().Add(deadline))
	if got, _ := io.ReadAll(connection); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestListenerLogsConnectionsThatNoChainTakes(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port := freePort(t)
		l := startListeners(t, program, []string{"up"}, func(log string) []string {
			return []string{bareListener("l", "127.0.0.1", port, fmt.Sprintf(`access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: %s, log_format: {text_format_source: {inline_string: "%%RESPONSE_FLAGS%% %%RESPONSE_CODE_DETAILS%% %%BYTES_RECEIVED%% %%BYTES_SENT%%\n"}}}}], listener_filters: [%s],`, log, tlsInspectorFilter),
				"filter_chains: ["+tcpChain("a", "{transport_protocol: tls}", "up")+"]")}
		}, port)
		if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), []byte("clear text")); got != "" {
			t.Errorf("%q", got)
		}
		l.awaitStat("no_filter_chain_match", "1")
		becomesTrue(t, func() string { return "no such line in the log" }, func() bool {
			text, _ := os.ReadFile(l.log)
			// The test's own look at the port is a line, too.
			return strings.HasSuffix("\n"+string(text), "\nNR filter_chain_not_found 0 0\n") && strings.HasPrefix(string(text), "- - 0 0\n")
		})
	})
}

func TestListenerWithSeveralAddresses(t *testing.T) {
	port, other := freePort(t), freePort(t)
	socket := filepath.Join(t.TempDir(), "s")
	l := startListeners(t, binary(t), []string{"up"}, func(string) []string {
		return []string{bareListener("l", "127.0.0.1", port,
			fmt.Sprintf(`additional_addresses: [{address: {socket_address: {address: 127.0.0.2, port_value: %d}}}, {address: {pipe: {path: %s}}}],`, other, socket),
			"filter_chains: ["+tcpChain("a", "", "up")+"]")}
	}, port)
	for _, address := range []string{fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.2:%d", other)} {
		if got := sayAll(t, address, nil); got != "up" {
			t.Errorf("%s: %q", address, got)
		}
	}
	connection, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	if got, _ := io.ReadAll(connection); string(got) != "up" {
		t.Errorf("%s: %q", socket, got)
	}
	if text := adminAsk(t, http.DefaultClient, "GET", url(l.admin, "/listeners")).body; !strings.Contains(text, fmt.Sprintf("l::127.0.0.2:%d\n", other)) {
		t.Errorf("/listeners: %s", text)
	}
}

// One socket for all workers.
func TestListenerWithoutReusePort(t *testing.T) {
	port := freePort(t)
	startProgram(t, binary(t), []string{"--concurrency", "3"}, "static_resources:\n  listeners:\n  - "+
		bareListener("l", "127.0.0.1", port, "enable_reuse_port: false,", "filter_chains: ["+tcpChain("a", "", "up")+"]")+
		"\n  clusters:\n  - "+staticCluster("up", "", startNaming(t, "up"))+"\n", port)
	for range 20 {
		if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), nil); got != "up" {
			t.Fatalf("%q", got)
		}
	}
}

// IPv6 and IPv4 wildcards do not get in each other's way, unless asked to.
func TestListenerOnIPv6(t *testing.T) {
	port := freePort(t)
	startListeners(t, binary(t), []string{"four", "six"}, func(string) []string {
		return []string{bareListener("four", "0.0.0.0", port, "", "filter_chains: ["+tcpChain("a", "", "four")+"]"),
			bareListener("six", "::", port, "", "filter_chains: ["+tcpChain("a", "", "six")+"]")}
	}, port)
	for address, want := range map[string]string{fmt.Sprintf("127.0.0.1:%d", port): "four", fmt.Sprintf("[::1]:%d", port): "six"} {
		if got := sayAll(t, address, nil); got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
}

func TestListenerOnIPv6ForIPv4Too(t *testing.T) {
	twoPrograms(t, func(t *testing.T, program string) {
		port := freePort(t)
		l := startListeners(t, program, []string{"up"}, func(log string) []string {
			return []string{strings.Replace(oneListener(port, "freebind: true", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS%", "up")(log)[0],
				"address: 127.0.0.1,", `address: "::", ipv4_compat: true,`, 1)}
		})
		l.awaitStat("workers_started", "1")
		if got := sayAll(t, fmt.Sprintf("127.0.0.1:%d", port), nil); got != "up" {
			t.Errorf("%q", got)
		}
		if got, want := l.logged(0), fmt.Sprintf("127.0.0.1 127.0.0.1:%d", port); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	})
}
