package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The request timeout is for requests, not for tunnels and answers that go on beside them.
func TestTheRequestTimeoutEndsWhereTheAnswerBegins(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		port := translating(t, up, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.Copy(w, r.Body)
		}, "request_timeout: 0.3s")
		reader, writer := io.Pipe()
		request, _ := http.NewRequest("POST", url(port, "/"), reader)
		response, err := down.client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		expect(t, "status", response.StatusCode, 200)
		for range 8 { // longer than the timeout
			time.Sleep(100 * time.Millisecond)
			if _, err := writer.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		writer.Close()
		body, err := io.ReadAll(response.Body)
		expect(t, "echo", fmt.Sprint(string(body), err), "xxxxxxxx<nil>")
	})
}

func TestADrainAnswersWhatIsOnItsWay(t *testing.T) {
	port := freePort(t)
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil), port)
	dial := func(first string) net.Conn {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { connection.Close() })
		_ = connection.SetDeadline(time.Now().Add(deadline))
		_, _ = io.WriteString(connection, first)
		return connection
	}
	const whole = "GET / HTTP/1.1\r\nhost: h\r\n\r\n"
	begun := dial("GET / HTTP/1.1\r\nho")
	later := dial(whole + "GET / HTTP/1.1\r\nho") // a second request has begun
	silent := dial("")
	idle := dial(whole)
	for _, connection := range []net.Conn{later, idle} {
		if _, err := http.ReadResponse(bufio.NewReader(connection), nil); err != nil {
			t.Fatal(err)
		}
	}
	_ = m.cmd.Process.Signal(sigterm)
	if rest, err := io.ReadAll(idle); err != nil || len(rest) != 0 { // it drains
		t.Fatalf("%q %v", rest, err)
	}
	eventually(t, func() string { // so do the other workers, when none listens any more
		if connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			connection.Close()
			return "still accepting"
		}
		return ""
	})
	for name, connection := range map[string]net.Conn{"begun": begun, "a second one": later} {
		_, _ = io.WriteString(connection, "st: h\r\n\r\n")
		answer, err := io.ReadAll(connection)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") || !strings.Contains(string(answer), "connection: close") {
			t.Errorf("%s: %q %v", name, answer, err)
		}
	}
	_, _ = io.WriteString(silent, whole)
	answer, err := io.ReadAll(silent)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		t.Errorf("silent: %q %v", answer, err)
	}
}

func TestWhatTheCodecRefusesIsLogged(t *testing.T) {
	port := freePort(t)
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site", "", "127.0.0.1:1")},
		`access_log: [{name: out, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, `+
			`log_format: {text_format_source: {inline_string: "logged %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %REQ(:METHOD)%\n"}}}}]`), port)
	large, _ := http.NewRequest("GET", url(port, "/"), nil)
	large.Header.Set("X", strings.Repeat("x", 70_000))
	if response, err := h2.client(t).Do(large); err != nil || response.StatusCode != 431 {
		t.Errorf("HTTP/2: %v %v", response, err)
	}
	eventually(t, func() string {
		if !strings.Contains(m.output.String(), "logged 431 request_headers_too_large DPE -\n") {
			return m.output.String()
		}
		return ""
	})
	for request, line := range map[string]string{
		"GET / HTTP/1.1\r\n\r\n":                                        "logged 400 missing_host_header DPE -\n",
		"GET / HTTP/3.0\r\nhost: h\r\n\r\n":                             "logged 505 http1.unsupported_version DPE -\n",
		"GET / HTTP/1.1\r\nhost: h\r\nx: " + strings.Repeat("x", 70000): "logged 431 request_headers_too_large DPE -\n",
		"GET / HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n": "logged 400 http1.multiple_upgrade DPE -\n",
	} {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		_ = connection.SetDeadline(time.Now().Add(deadline))
		_, _ = io.WriteString(connection, request)
		_, _ = io.ReadAll(connection)
		connection.Close()
		eventually(t, func() string {
			if !strings.Contains(m.output.String(), line) {
				return fmt.Sprintf("no %q in %s", line, m.output)
			}
			return ""
		})
	}
}

// As Envoy: a client inside may say how long it is patient.
func TestInternalClientsSetTheTimeout(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		seen := make(chan string, 4)
		serve := func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header.Get("X-Envoy-Upstream-Rq-Timeout-Ms") + "," + r.Header.Get("X-Envoy-Expected-Rq-Timeout-Ms")
			if r.URL.Path == "/slow" {
				hang(w, r)
			}
		}
		patience := func(ms string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("X-Envoy-Upstream-Rq-Timeout-Ms", ms) }
		}
		inside := []string{"use_remote_address: true", "internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}"}
		port := translating(t, up, serve, inside...)
		response, _ := exchange(t, down.client(t), port, "/slow", patience("200"))
		expect(t, "slow", response.StatusCode, 504)
		expect(t, "headers", <-seen, ",200")
		response, _ = exchange(t, down.client(t), port, "/", patience("much"))
		expect(t, "no number", fmt.Sprint(response.StatusCode, <-seen), "200,")
		outside := translating(t, up, serve, "use_remote_address: true", "internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}")
		response, _ = exchange(t, down.client(t), outside, "/", patience("200"))
		expect(t, "outside", fmt.Sprint(response.StatusCode, <-seen), "200,")
	})
}
