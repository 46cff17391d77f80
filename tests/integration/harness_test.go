// Package integration drives the real moe binary, named by MOE_BIN, with real clients and servers.
package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const deadline = 20 * time.Second

// moe is one running proxy.
type moe struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *lockedBuffer
	done   chan error
}

type lockedBuffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}

func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("MOE_BIN")
	if path == "" {
		t.Fatal("MOE_BIN does not name the moe binary")
	}
	return path
}

// freePort is a port that nobody listens on now.
//
// It is below those that the system gives to servers and clients that do not choose (32768 and up): one of them
// could get the same before moe has bound it.
func freePort(t *testing.T) int {
	t.Helper()
	for range 10_000 {
		port := 12_000 + int(nextPort.Add(1)+uint32(os.Getpid())*97)%20_000
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

var nextPort atomic.Uint32

// start runs moe on a configuration and waits until each port accepts.
func start(t *testing.T, config string, ports ...int) *moe {
	t.Helper()
	return startProgram(t, binary(t), []string{"--concurrency", "2", "-l", "info"}, config, ports...)
}

// startProgram runs moe, or what is compared with it.
func startProgram(t *testing.T, program string, arguments []string, config string, ports ...int) *moe {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bootstrap.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	m := &moe{t: t, output: &lockedBuffer{}, done: make(chan error, 1)}
	m.cmd = exec.Command(program, append([]string{"-c", file}, arguments...)...)
	m.cmd.Stdout = m.output
	m.cmd.Stderr = m.output
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { m.done <- m.cmd.Wait() }()
	t.Cleanup(m.stop)
	for _, port := range ports {
		until := time.Now().Add(deadline)
		for {
			connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				connection.Close()
				break
			}
			if time.Now().After(until) {
				t.Fatalf("port %d does not accept:\n%s", port, m.output)
			}
			select {
			case err := <-m.done:
				m.done <- err
				t.Fatalf("moe ended (%v):\n%s", err, m.output)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return m
}

// stop ends moe by SIGTERM and fails the test if it does not end well.
func (m *moe) stop() {
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-m.done:
		m.done <- err
		if err != nil {
			m.t.Errorf("moe ended with %v:\n%s", err, m.output)
		}
	case <-time.After(deadline):
		_ = m.cmd.Process.Kill()
		m.t.Errorf("moe did not end in %v:\n%s", deadline, m.output)
	}
	if text := m.output.String(); strings.Contains(text, "Sanitizer") || strings.Contains(text, "runtime error") {
		m.t.Errorf("a sanitizer reported:\n%s", text)
	}
}

// httpConfig is a bootstrap with one HTTP listener; routes and clusters are YAML in flow style.
func httpConfig(port int, routes []string, clusters []string, options ...string) string {
	return httpConfigWith(nil, port, routes, clusters, options...)
}

// httpConfigWith has HTTP filters before the router, too.
func httpConfigWith(filters []string, port int, routes []string, clusters []string, options ...string) string {
	var out strings.Builder
	fmt.Fprintf(&out, `static_resources:
  listeners:
  - name: web
    address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
`, port)
	for _, option := range options {
		fmt.Fprintf(&out, "          %s\n", option)
	}
	out.WriteString("          http_filters:\n")
	for _, filter := range filters {
		fmt.Fprintf(&out, "          - %s\n", filter)
	}
	out.WriteString(`          - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
`)
	for _, route := range routes {
		fmt.Fprintf(&out, "              - %s\n", route)
	}
	out.WriteString("  clusters:\n")
	for _, cluster := range clusters {
		fmt.Fprintf(&out, "  - %s\n", cluster)
	}
	return out.String()
}

// staticCluster is a cluster with one endpoint an address; more is further fields.
func staticCluster(name, more string, addresses ...string) string {
	var endpoints []string
	for _, address := range addresses {
		host, port, _ := net.SplitHostPort(address)
		endpoints = append(endpoints,
			fmt.Sprintf("{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}", host, port))
	}
	return fmt.Sprintf("{name: %s, type: STATIC, %sload_assignment: {cluster_name: %s, endpoints: [{lb_endpoints: [%s]}]}}",
		name, more, name, strings.Join(endpoints, ", "))
}
