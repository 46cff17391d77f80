package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Slow clients of HTTP/1: heads and bodies that dribble, answers that nobody reads, and connections that
// say nothing.
func TestSlowClientsAreEnded(t *testing.T) {
	port, admin := freePort(t), freePort(t)
	address := h1.backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(make([]byte, 8<<20))
	})
	m := start(t, fmt.Sprintf("admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}\n", admin)+
		httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site, timeout: 0s}}"}, []string{staticCluster("site", "", address)},
			"request_headers_timeout: 0.5s", "stream_idle_timeout: 1s", "request_timeout: 2s"), port, admin)
	read := func(request string, dribble bool) (string, error) {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return "", err
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(deadline))
		_, _ = io.WriteString(connection, request)
		if dribble {
			go func() {
				for {
					if _, err := connection.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
		}
		line, err := bufio.NewReader(connection).ReadString('\n')
		return strings.TrimSpace(line), err
	}
	line, err := read("GET / HTTP/1.1\r\nhost: h\r\nx-slow: ", true)
	expect(t, "a slow head", fmt.Sprint(line, err), "HTTP/1.1 408 Request Timeout<nil>")
	line, err = read("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\n", true)
	expect(t, "a slow body", fmt.Sprint(line, err), "HTTP/1.1 408 Request Timeout<nil>")
	// Answers that nobody reads.
	for i := 0; i < 20; i++ {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_ = connection.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprint(connection, "GET / HTTP/1.1\r\nhost: h\r\n\r\n")
	}
	eventually(t, func() string {
		if ended := counterOf(t, admin, "http.web.downstream_rq_idle_timeout"); ended != "20" {
			return ended + " of 20 were ended"
		}
		return ""
	})
	t.Logf("at most %d KiB resident", residentKiB(t, m.cmd.Process.Pid, "VmHWM"))
}

func TestManyIdleConnectionsNeedLittleMemory(t *testing.T) {
	count := 10_000
	if os.Getenv("MOE_PRESET") != "release" {
		count = 500
	}
	port := freePort(t)
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil), port)
	before := residentKiB(t, m.cmd.Process.Pid, "VmRSS")
	connections := make([]net.Conn, 0, count)
	defer func() {
		for _, connection := range connections {
			connection.Close()
		}
	}()
	for i := 0; i < count; i++ {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		connections = append(connections, connection)
		if i%2 == 0 { // half of them have been used, in HTTP/1
			_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nhost: h\r\n\r\n")
		}
	}
	response, err := http.Get(url(port, "/"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	after := residentKiB(t, m.cmd.Process.Pid, "VmRSS")
	t.Logf("%d connections: %d KiB, %.1f KiB each", count, after-before, float64(after-before)/float64(count))
	if os.Getenv("MOE_PRESET") == "release" && after-before > 4*count {
		t.Errorf("%d KiB for %d connections, expected at most 4 KiB each", after-before, count)
	}
}

func TestConnectionsAboveTheLimitAreClosed(t *testing.T) {
	for name, limit := range map[string]string{
		"in all": `overload_manager:
  resource_monitors:
  - name: envoy.resource_monitors.global_downstream_max_connections
    typed_config: {"@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: 5}
`,
		"of the listener": "layered_runtime: {layers: [{name: static, static_layer: {envoy.resource_limits.listener.web.connection_limit: 5}}]}\n",
	} {
		t.Run(name, func(t *testing.T) { closesConnectionsAbove(t, limit) })
	}
}

// closesConnectionsAbove has a configuration that allows five connections; eight come.
func closesConnectionsAbove(t *testing.T, limit string) {
	port := freePort(t)
	start(t, limit+httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil), port)
	var open []net.Conn
	closed := 0
	for i := 0; i < 8; i++ {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(deadline))
		_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nhost: h\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(connection), nil); err != nil {
			closed++
		} else {
			open = append(open, connection)
		}
	}
	expect(t, "open and closed", fmt.Sprint(len(open), closed), "5 3")
	open[0].Close() // makes room
	eventually(t, func() string {
		response, err := http.Get(url(port, "/"))
		if err != nil {
			return err.Error()
		}
		response.Body.Close()
		return ""
	})
}

func TestMemoryAboveItsLimitShedsRequests(t *testing.T) {
	port := freePort(t)
	start(t, `overload_manager:
  refresh_interval: 0.05s
  resource_monitors:
  - name: envoy.resource_monitors.fixed_heap
    typed_config: {"@type": type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig, max_heap_size_bytes: 1000000}
  actions:
  - {name: envoy.overload_actions.stop_accepting_requests, triggers: [{name: envoy.resource_monitors.fixed_heap, threshold: {value: 0.9}}]}
`+httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil), port)
	for _, v := range []version{h1, h2} {
		eventually(t, func() string {
			response, err := v.client(t).Get(url(port, "/"))
			if err != nil {
				return err.Error()
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != 503 || string(body) != "envoy overloaded" || response.Header.Get("X-Envoy-Overloaded") != "true" {
				return fmt.Sprintf("%d %q", response.StatusCode, body)
			}
			return ""
		})
	}
}
