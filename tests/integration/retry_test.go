package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// retrying is moe before hosts of a version, with a retry policy on its only route.
func retrying(t *testing.T, up version, policy string, addresses []string, options ...string) (int, func(name string) string) {
	t.Helper()
	port, counter, _ := retryingWithLog(t, up, policy, addresses, options...)
	return port, counter
}

// retryingWithLog gives the proxy, too.
func retryingWithLog(t *testing.T, up version, policy string, addresses []string, options ...string) (int, func(name string) string, *moe) {
	t.Helper()
	port, admin := freePort(t), freePort(t)
	options = append([]string{"http_protocol_options: {enable_trailers: true}"}, options...)
	route := fmt.Sprintf("{match: {prefix: /}, route: {cluster: site, timeout: 5s, retry_policy: {%s}}}", policy)
	protocol := http1Trailers
	if up == h2 {
		protocol = http2Upstream
	}
	cluster := staticCluster("site", protocol, addresses...)
	config := strings.Replace(httpConfig(port, []string{route}, []string{cluster}, options...), `domains: ["*"]`,
		"domains: [\"*\"]\n              include_request_attempt_count: true\n              include_attempt_count_in_response: true", 1)
	m := start(t, withAdmin(admin, config), port, admin)
	return port, func(name string) string { return counterOf(t, admin, "cluster.site."+name) }, m
}

func TestRetriesUntilAnAnswerIsGood(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		var calls atomic.Int32
		address := up.backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if n := calls.Add(1); n < 3 {
				w.WriteHeader(503)
				fmt.Fprint(w, "not yet")
				return
			}
			fmt.Fprintf(w, "%d %v %s %s", len(body), err, r.Trailer.Get("X-Sent"), r.Header.Get("X-Envoy-Attempt-Count"))
		})
		port, counter := retrying(t, up, "retry_on: 5xx, num_retries: 5, retry_back_off: {base_interval: 0.001s}", []string{address})
		request, _ := http.NewRequest("POST", url(port, "/"), struct{ io.Reader }{strings.NewReader(strings.Repeat("b", 300_000))})
		request.Trailer = http.Header{"X-Sent": []string{"trailer"}}
		response, err := down.client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		expect(t, "answer", string(body), "300000 <nil> trailer 3")
		expect(t, "attempts", response.Header.Get("X-Envoy-Attempt-Count"), "3")
		for name, want := range map[string]string{"upstream_rq_retry": "2", "upstream_rq_retry_success": "1", "upstream_rq_5xx": "2", "upstream_rq_2xx": "1"} {
			expect(t, name, counter(name), want)
		}
	})
}

func TestRetriesEnd(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		var calls atomic.Int32
		address := up.backend(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			calls.Add(1)
			w.WriteHeader(502)
			fmt.Fprint(w, "never")
		})
		port, counter, m := retryingWithLog(t, up, "retry_on: gateway-error, num_retries: 2, retry_back_off: {base_interval: 0.001s}", []string{address},
			`access_log: [{name: out, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, `+
				`log_format: {text_format_source: {inline_string: "logged %RESPONSE_CODE% %RESPONSE_FLAGS%\n"}}}}]`)
		response, body := exchange(t, down.client(t), port, "/", nil)
		expect(t, "answer", fmt.Sprint(response.StatusCode, " ", body, " ", calls.Load()), "502 never 3")
		expect(t, "exceeded", counter("upstream_rq_retry_limit_exceeded"), "1")
		eventually(t, func() string {
			if !strings.Contains(m.output.String(), "logged 502 URX\n") {
				return m.output.String()
			}
			return ""
		})
		// A body that is too large to be kept is sent once.
		calls.Store(0)
		request, _ := http.NewRequest("POST", url(port, "/"), strings.NewReader(strings.Repeat("b", 3<<20)))
		large, err := down.client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		large.Body.Close()
		expect(t, "large", fmt.Sprint(large.StatusCode, " ", calls.Load()), "502 1")
		expect(t, "abandoned", counter("retry_or_shadow_abandoned"), "1")
	})
}

func TestRetriesGoToOtherHosts(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		refusing, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		gone := refusing.Addr().String()
		refusing.Close()
		good := up.backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "good") })
		port, counter := retrying(t, up, "retry_on: connect-failure, num_retries: 1, retry_back_off: {base_interval: 0.001s}, host_selection_retry_max_attempts: 50, "+
			"retry_host_predicate: [{name: envoy.retry_host_predicates.previous_hosts}]", []string{good, gone})
		client := down.client(t)
		for range 10 {
			response, body := exchange(t, client, port, "/", nil)
			expect(t, "answer", fmt.Sprint(response.StatusCode, " ", body), "200 good")
		}
		if counter("upstream_rq_retry_success") == "0" {
			t.Error("nothing was retried")
		}
	})
}

func TestATryHasItsOwnTimeout(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		var calls atomic.Int32
		address := up.backend(t, func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1)%2 == 1 || r.URL.Path == "/never" {
				hang(w, r)
				return
			}
			fmt.Fprint(w, r.Header.Get("X-Envoy-Expected-Rq-Timeout-Ms"))
		})
		port, counter := retrying(t, up, "retry_on: reset, num_retries: 1, per_try_timeout: 0.2s, retry_back_off: {base_interval: 0.001s}", []string{address})
		response, body := exchange(t, down.client(t), port, "/", nil)
		expect(t, "answer", fmt.Sprint(response.StatusCode, " ", body), "200 200")
		response, body = exchange(t, down.client(t), port, "/never", nil)
		expect(t, "never", fmt.Sprint(response.StatusCode, " ", body), "504 upstream request timeout")
		expect(t, "timeouts", counter("upstream_rq_per_try_timeout"), "3")
	})
}

// What gRPC says with the headers is retried; what it says in trailers, behind a message, is not.
func TestRetriesByGRPCStatus(t *testing.T) {
	everyVersion(t, func(t *testing.T, down version) {
		var calls atomic.Int32
		address := h2.backend(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			first := calls.Add(1) == 1
			switch {
			case r.URL.Path == "/late":
				w.Header().Set("Trailer", "Grpc-Status")
				_, _ = w.Write([]byte("\x00\x00\x00\x00\x00"))
				w.Header().Set("Grpc-Status", "14")
			case first:
				w.Header().Set("Grpc-Status", "14")
			default:
				w.Header().Set("Grpc-Status", "0")
			}
		})
		port, counter := retrying(t, h2, "retry_on: unavailable, num_retries: 3, retry_back_off: {base_interval: 0.001s}", []string{address})
		grpc := func(r *http.Request) { r.Header.Set("Content-Type", "application/grpc") }
		response, _ := exchange(t, down.client(t), port, "/", grpc)
		expect(t, "status", response.Header.Get("Grpc-Status"), "0")
		expect(t, "retries", counter("upstream_rq_retry"), "1")
		_, body := exchange(t, down.client(t), port, "/late", grpc)
		expect(t, "late", len(body), 5)
		expect(t, "retries", counter("upstream_rq_retry"), "1")
	})
}

// A client that goes while moe waits to try again leaves nothing behind.
func TestAClientMayLeaveBetweenTries(t *testing.T) {
	everyVersion(t, func(t *testing.T, down version) {
		entered := make(chan bool, 100)
		address := h1.backend(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(503)
			entered <- true
		})
		port, counter := retrying(t, h1, "retry_on: 5xx, num_retries: 3, retry_back_off: {base_interval: 60s}", []string{address})
		client := down.client(t)
		client.Timeout = 300 * time.Millisecond
		if _, err := client.Get(url(port, "/")); err == nil {
			t.Error("answered")
		}
		<-entered
		client.CloseIdleConnections()
		eventually(t, func() string {
			if active := counter("upstream_rq_active"); active != "0" {
				return active + " active"
			}
			return ""
		})
	})
}
