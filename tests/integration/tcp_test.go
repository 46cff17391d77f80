package integration

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const sigterm = syscall.SIGTERM

func TestTCPProxyEchoesUntilBothSidesEnd(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			connection, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(connection, connection) // until the client's FIN, then ours
				connection.Close()
			}()
		}
	}()
	port := freePort(t)
	start(t, fmt.Sprintf(tcpConfig, port, staticCluster("echo", "", echo.Addr().String())), port)
	payload := make([]byte, 5<<20)
	rand.New(rand.NewSource(2)).Read(payload)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	go func() {
		_, _ = connection.Write(payload)
		_ = connection.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(connection)
	if err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("%v: %d of %d bytes", err, len(got), len(payload))
	}
}

func TestTCPProxyDeliversWhatItTookAfterTheUpstreamEndedFirst(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	begin := make(chan struct{})
	received := make(chan int64, 1)
	go func() {
		connection, err := server.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		_ = connection.(*net.TCPConn).CloseWrite() // says nothing, but reads all
		<-begin
		n, _ := io.Copy(io.Discard, connection)
		received <- n
	}()
	port := freePort(t)
	start(t, fmt.Sprintf(tcpConfig, port, staticCluster("echo", "", server.Addr().String())))
	var connection net.Conn
	for until := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
		if connection, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil || time.Now().After(until) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	payload := make([]byte, 600_000)
	if _, err := connection.Write(payload); err != nil {
		t.Fatal(err)
	}
	_ = connection.(*net.TCPConn).CloseWrite()
	if _, err := io.ReadAll(connection); err != nil { // until moe has closed its side
		t.Fatal(err)
	}
	close(begin)
	if n := <-received; n != int64(len(payload)) {
		t.Fatalf("%d of %d bytes", n, len(payload))
	}
}

const tcpConfig = `static_resources:
  listeners:
  - name: tcp
    address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: echo
  clusters:
  - %s
`

func TestValidateNamesTheFieldAndPlace(t *testing.T) {
	cases := map[string]string{
		"static_resources: {clusters: [{name: a, type: LOGICAL_DNS}]}":                              ":1:47: static_resources.clusters[0].type: found LOGICAL_DNS, expected STATIC, STRICT_DNS, EDS or ORIGINAL_DST",
		"static_resources: {clusters: [{name: a, connect_timeout: 5}]}":                             "static_resources.clusters[0].connect_timeout: found",
		"static_resources: {clusters: [{name: a}, {name: a}]}":                                      "static_resources.clusters[1].name: found \"a\" again",
		"static_resources: {listeners: [{address: {socket_address: {address: x, port_value: 1}}}]}": "static_resources.listeners[0].address.socket_address.address: found \"x\", expected an IPv4 or IPv6 address",
		"static_resource: {}": "unknown field",
	}
	for config, want := range cases {
		output, err := exec.Command(binary(t), "--config-yaml", config, "--mode", "validate").CombinedOutput()
		exit, failed := err.(*exec.ExitError)
		if !failed || exit.ExitCode() != 1 || !strings.Contains(string(output), want) {
			t.Errorf("%s: %v %q, expected %q", config, err, output, want)
		}
	}
}

func TestUnsupportedFieldsAreNamed(t *testing.T) {
	config := "static_resources: {clusters: [{name: a, dns_jitter: 1s}]}"
	want := "static_resources.clusters[0].dns_jitter (envoy.config.cluster.v3.Cluster.dns_jitter)"
	output, err := exec.Command(binary(t), "--config-yaml", config, "--mode", "validate").CombinedOutput()
	if err != nil || !strings.Contains(string(output), want) {
		t.Errorf("%v %q, expected %q", err, output, want)
	}
	output, err = exec.Command(binary(t), "--config-yaml", config, "--mode", "validate", "--strict").CombinedOutput()
	if err == nil || !strings.Contains(string(output), want) {
		t.Errorf("--strict: %v %q, expected %q", err, output, want)
	}
	// TLS that would be left out is refused without --strict.
	config = `static_resources: {clusters: [{name: a, transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, allow_renegotiation: true}}}]}`
	output, err = exec.Command(binary(t), "--config-yaml", config, "--mode", "validate").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "static_resources.clusters[0].transport_socket.typed_config.allow_renegotiation") {
		t.Errorf("TLS: %v %q", err, output)
	}
}
