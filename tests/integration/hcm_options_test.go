package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// everyVersion runs a test for each version of the client.
func everyVersion(t *testing.T, test func(t *testing.T, down version)) {
	for _, down := range []version{h1, h2} {
		t.Run(string(down), func(t *testing.T) { test(t, down) })
	}
}

// exchange sends one request that follows no redirect; the path goes as it is written.
func exchange(t *testing.T, client *http.Client, port int, path string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest("GET", url(port, "/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = path
	if change != nil {
		change(request)
	}
	response, err := client.Transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v after %q", path, err, body)
	}
	return response, string(body)
}

// target answers with what the upstream was asked for.
func target(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s|%s", r.RequestURI, r.Host)
}

func TestEscapedSlashes(t *testing.T) {
	for _, c := range []struct {
		action, path string
		status       int
		want         string
	}{
		{"KEEP_UNCHANGED", "/a%2Fb", 200, "/a%2Fb"},
		{"REJECT_REQUEST", "/a%5cb", 400, ""},
		{"REJECT_REQUEST", "/a/b?x=%2F", 200, "/a/b?x=%2F"},
		{"UNESCAPE_AND_FORWARD", "/a%2F..%2Fc%2f%2Fd", 200, "/c/d"},
		{"UNESCAPE_AND_REDIRECT", "/a%2F..%2Fc", 307, "/c"},
		{"UNESCAPE_AND_REDIRECT", "/a/../c", 200, "/c"},
	} {
		t.Run(c.action+c.path, func(t *testing.T) {
			everyPair(t, func(t *testing.T, down, up version) {
				port := translating(t, up, target, "path_with_escaped_slashes_action: "+c.action, "normalize_path: "+fmt.Sprint(c.action != "KEEP_UNCHANGED"), "merge_slashes: true")
				response, body := exchange(t, down.client(t), port, c.path, func(r *http.Request) { r.Host = "a.test" })
				expect(t, "status", response.StatusCode, c.status)
				switch c.status {
				case 200:
					expect(t, "upstream's path", body, c.want+"|a.test")
				case 307:
					expect(t, "location", response.Header.Get("Location"), c.want)
				}
			})
		})
	}
}

func TestHeadersWithUnderscores(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		seen := func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%v %v", r.Header["X_bad"], r.Header["X-Good"])
		}
		bad := func(r *http.Request) {
			r.Header["X_bad"] = []string{"1"}
			r.Header.Set("X-Good", "a_b")
		}
		port := translating(t, up, seen, "common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}")
		_, body := exchange(t, down.client(t), port, "/", bad)
		expect(t, "dropped", body, "[] [a_b]")

		port = translating(t, up, seen, "common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}")
		client := down.client(t)
		response, _ := exchange(t, client, port, "/", nil)
		expect(t, "without", response.StatusCode, 200)
		if down == h2 {
			request, _ := http.NewRequest("GET", url(port, "/"), nil)
			bad(request)
			if response, err := client.Do(request); err == nil {
				t.Errorf("answered with %d, expected a reset", response.StatusCode)
			}
		} else {
			response, _ = exchange(t, client, port, "/", bad)
			expect(t, "rejected", response.StatusCode, 400)
			expect(t, "closes", response.Close, true)
		}
	})
}

func TestHostsWithoutPortAndDot(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		host := func(options ...string) func(string) string {
			port := translating(t, up, target, options...)
			client := down.client(t)
			return func(host string) string {
				host = strings.ReplaceAll(host, "PORT", fmt.Sprint(port))
				_, body := exchange(t, client, port, "/", func(r *http.Request) { r.Host = host })
				return strings.TrimPrefix(body, "/|")
			}
		}
		matching := host("strip_matching_host_port: true", "strip_trailing_host_dot: true")
		expect(t, "matching", matching("a.test:PORT"), "a.test")
		expect(t, "another", matching("a.test.:1"), "a.test:1")
		any := host("strip_any_host_port: true")
		expect(t, "any", any("a.test.:1"), "a.test.")
	})
}

func TestForwardedPortAndScheme(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		port := translating(t, up, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s", r.Header.Get("X-Forwarded-Port"), r.Header.Get("X-Forwarded-Proto"))
		}, "append_x_forwarded_port: true", "use_remote_address: true", "scheme_header_transformation: {scheme_to_overwrite: https}")
		_, body := exchange(t, down.client(t), port, "/", func(r *http.Request) { r.Header.Set("X-Forwarded-Port", "1") })
		expect(t, "port and scheme", body, fmt.Sprintf("%d https", port))
	})
}

// hang answers only when the client has gone.
func hang(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/begun" {
		_, _ = io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
	}
	select {
	case <-r.Context().Done():
	case <-time.After(deadline):
	}
}

func TestMaxStreamDuration(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		port := translating(t, up, hang, "common_http_protocol_options: {max_stream_duration: 0.2s}")
		client := down.client(t)
		response, body := exchange(t, client, port, "/", nil)
		expect(t, "status", response.StatusCode, 504)
		expect(t, "body", body, "downstream duration timeout")
		response, _ = exchange(t, client, port, "/", func(r *http.Request) { r.Header.Set("Content-Type", "application/grpc") })
		expect(t, "grpc-status", response.Header.Get("Grpc-Status"), "4")
		response, err := client.Get(url(port, "/begun"))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("the response was whole: %q", body)
		}
	})
}

func TestMaxStreamDurationOfARouteAndACluster(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		answer := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(400 * time.Millisecond)
			} else if r.URL.Path != "/told" {
				hang(w, r)
			}
			_, _ = io.WriteString(w, r.Header.Get("Grpc-Timeout"))
		}
		address := up.backend(t, answer)
		limited := "common_http_protocol_options: {max_stream_duration: 0.2s}"
		options := "explicit_http_config: {http_protocol_options: {}}"
		if up == h2 {
			options = "explicit_http_config: {http2_protocol_options: {}}"
		}
		port := freePort(t)
		start(t, httpConfig(port, []string{
			"{match: {path: /short}, route: {cluster: site, max_stream_duration: {max_stream_duration: 0.05s}}}",
			"{match: {path: /slow}, route: {cluster: site, max_stream_duration: {max_stream_duration: 0s}}}",
			"{match: {path: /cluster}, route: {cluster: limited, max_stream_duration: {max_stream_duration: 0s}}}",
			"{match: {prefix: /}, route: {cluster: site, max_stream_duration: {grpc_timeout_header_max: 10s, grpc_timeout_header_offset: 1s}}}",
		}, []string{
			up.cluster("site", address),
			staticCluster("limited", `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: `+
				`{"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, `+limited+", "+options+"}}, ", address),
		}, limited), port)
		client := down.client(t)
		begin := time.Now()
		response, _ := exchange(t, client, port, "/short", nil)
		expect(t, "the route's", response.StatusCode, 504)
		if passed := time.Since(begin); passed > 3*time.Second {
			t.Errorf("after %v", passed)
		}
		response, _ = exchange(t, client, port, "/slow", nil)
		expect(t, "a route without", response.StatusCode, 200)
		response, body := exchange(t, client, port, "/cluster", nil)
		expect(t, "the cluster's", response.StatusCode, 504)
		expect(t, "body", body, "upstream max stream duration reached")
		grpc := func(path, timeout string) (*http.Response, string) {
			return exchange(t, client, port, path, func(r *http.Request) {
				r.Header.Set("Content-Type", "application/grpc")
				r.Header.Set("Grpc-Timeout", timeout)
			})
		}
		_, body = grpc("/told", "5S")
		expect(t, "forwarded", body, "4000m")
		response, _ = grpc("/hangs", "1100m")
		expect(t, "grpc-status", response.Header.Get("Grpc-Status"), "4")
	})
}

func TestMaxConnectionDuration(t *testing.T) {
	t.Run("an idle HTTP/1 connection closes", func(t *testing.T) {
		port := forwarding(t, target, "common_http_protocol_options: {max_connection_duration: 0.1s}", "drain_timeout: 0.1s")
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		_ = connection.SetDeadline(time.Now().Add(deadline))
		answer, err := io.ReadAll(connection)
		expect(t, "error", err, nil)
		if !strings.Contains(string(answer), "200 OK") {
			t.Errorf("answer %q", answer)
		}
	})
	t.Run("the next response says so", func(t *testing.T) {
		port := forwarding(t, target, "common_http_protocol_options: {max_connection_duration: 0.1s}", "http1_safe_max_connection_duration: true", "drain_timeout: 0.01s")
		client := h1.client(t)
		response, _ := exchange(t, client, port, "/", nil)
		expect(t, "first closes", response.Close, false)
		time.Sleep(400 * time.Millisecond)
		response, _ = exchange(t, client, port, "/", nil)
		expect(t, "second closes", response.Close, true)
	})
	t.Run("HTTP/2 gets GOAWAY", func(t *testing.T) {
		port := translating(t, h1, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Forwarded-For")) },
			"common_http_protocol_options: {max_connection_duration: 0.2s}", "drain_timeout: 0.05s")
		connections := 0
		transport := &http.Transport{Protocols: h2.protocols(), Dial: func(network, address string) (net.Conn, error) {
			connections++
			return net.Dial(network, address)
		}}
		client := &http.Client{Transport: transport, Timeout: deadline}
		defer transport.CloseIdleConnections()
		for until := time.Now().Add(800 * time.Millisecond); time.Now().Before(until); {
			response, _ := exchange(t, client, port, "/", nil)
			expect(t, "status", response.StatusCode, 200)
		}
		if connections < 3 {
			t.Errorf("%d connections", connections)
		}
	})
}

func TestLocalReplies(t *testing.T) {
	everyVersion(t, func(t *testing.T, down version) {
		port := freePort(t)
		start(t, httpConfig(port, []string{
			"{match: {path: /down}, route: {cluster: none}}",
			"{match: {path: /up}, route: {cluster: site}}",
		}, []string{staticCluster("none", ""), down.cluster("site", down.backend(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "its own", 503) }))},
			`local_reply_config: {mappers: [{filter: {and_filter: {filters: [{response_flag_filter: {flags: [UH]}}, `+
				`{status_code_filter: {comparison: {op: EQ, value: {default_value: 503, runtime_key: key}}}}]}}, status_code: 502, `+
				`body: {inline_string: nobody there}, headers_to_add: [{header: {key: x-mapped, value: "yes"}}], `+
				`body_format_override: {json_format: {code: "%RESPONSE_CODE%", text: "%LOCAL_REPLY_BODY%"}}}], `+
				`body_format: {text_format: "<%LOCAL_REPLY_BODY%> %RESPONSE_CODE% %REQ(:PATH)%", content_type: "text/html"}}`), port)
		client := down.client(t)
		response, body := exchange(t, client, port, "/down", nil)
		expect(t, "status", response.StatusCode, 502)
		expect(t, "body", strings.TrimSpace(body), `{"code":502,"text":"nobody there"}`)
		expect(t, "type", response.Header.Get("Content-Type"), "application/json")
		expect(t, "header", response.Header.Get("X-Mapped"), "yes")
		response, body = exchange(t, client, port, "/missing", nil)
		expect(t, "another's status", response.StatusCode, 404)
		expect(t, "another's body", body, "<> 404 /missing")
		expect(t, "another's type", response.Header.Get("Content-Type"), "text/html")
		response, body = exchange(t, client, port, "/up", nil)
		expect(t, "the upstream's status", response.StatusCode, 503)
		expect(t, "the upstream's body", body, "its own\n")
		response, _ = exchange(t, client, port, "/missing", func(r *http.Request) { r.Method = "HEAD" })
		expect(t, "HEAD", response.StatusCode, 404)
	})
}

// rawBackend is an HTTP/1.1 server that gives the same answer to every request, and the heads that it was sent.
func rawBackend(t *testing.T, answer string) (string, chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	heads := make(chan string, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				reader := bufio.NewReader(connection)
				var head strings.Builder
				for {
					line, err := reader.ReadString('\n')
					if err != nil {
						return
					}
					head.WriteString(line)
					if line == "\r\n" {
						heads <- head.String()
						head.Reset()
						_, _ = io.WriteString(connection, answer)
					}
				}
			}()
		}
	}()
	return listener.Addr().String(), heads
}

func TestHeaderNamesHaveTheCaseThatIsConfigured(t *testing.T) {
	const preserve = "header_key_format: {stateful_formatter: {name: preserve_case, typed_config: {" +
		`"@type": type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig%s}}}`
	for name, format := range map[string]string{
		"lower":    "",
		"proper":   "header_key_format: {proper_case_words: {}}",
		"preserve": fmt.Sprintf(preserve, ""),
		"both":     fmt.Sprintf(preserve, ", formatter_type_on_envoy_headers: PROPER_CASE"),
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			address, heads := rawBackend(t, "HTTP/1.1 200 OK\r\nX-bACK: 1\r\ncontent-LENGTH: 0\r\n\r\n")
			upstream := `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: ` +
				`{"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {` + format + `}}}}, `
			start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
				[]string{staticCluster("site", upstream, address)}, "http_protocol_options: {"+format+"}"), port)
			answer := raw(t, port, "GET / HTTP/1.1\r\nhOST: a\r\nX-mIXED: v\r\nConnection: close\r\n\r\n")
			head := <-heads
			words := map[string][]string{
				"lower":    {"\nhost: a\r", "\nx-mixed: v\r", "\nx-request-id:"},
				"proper":   {"\nHost: a\r", "\nX-Mixed: v\r", "\nX-Request-Id:"},
				"preserve": {"\nhOST: a\r", "\nX-mIXED: v\r", "\nx-request-id:"},
				"both":     {"\nhOST: a\r", "\nX-mIXED: v\r", "\nX-Request-Id:"},
			}[name]
			for _, word := range words {
				if !strings.Contains(head, word) {
					t.Errorf("no %q in %q", word, head)
				}
			}
			for _, word := range map[string][]string{
				"lower":    {"\nx-back: 1\r", "\ncontent-length: 0\r", "\nserver: ", "\nconnection: close"},
				"proper":   {"\nX-Back: 1\r", "\nContent-Length: 0\r", "\nServer: ", "\nConnection: close"},
				"preserve": {"\nX-bACK: 1\r", "\ncontent-LENGTH: 0\r", "\nserver: ", "\nconnection: close"},
				"both":     {"\nX-bACK: 1\r", "\ncontent-LENGTH: 0\r", "\nServer: ", "\nConnection: close"},
			}[name] {
				if !strings.Contains(answer, word) {
					t.Errorf("no %q in %q", word, answer)
				}
			}
			// HTTP/2 has lower case only.
			response, _ := exchange(t, h2.client(t), port, "/", nil)
			expect(t, "HTTP/2", response.Header.Get("X-Back"), "1")
		})
	}
}

func TestInternalRedirects(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		port := freePort(t)
		address := up.backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case strings.HasPrefix(r.URL.Path, "/to/"):
				status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/to/"))
				w.Header().Set("Location", fmt.Sprintf("http://b.test/arrived?%s", r.URL.RawQuery))
				w.Header().Set("X-Hint", "taken")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "over there")
			case r.URL.Path == "/loop":
				w.Header().Set("Location", "http://b.test/loop")
				w.WriteHeader(302)
			case r.URL.Path == "/lost":
				w.Header().Set("Location", "http://nowhere.test/")
				w.WriteHeader(302)
			default:
				fmt.Fprintf(w, "%s %s %s %s %s %d", r.Method, r.Host, r.URL, r.Header.Get("X-Envoy-Original-Url"), r.Header.Get("X-Hint"), len(body))
			}
		})
		start(t, strings.Replace(httpConfig(port, []string{
			"{match: {prefix: /to/302}, route: {cluster: site, internal_redirect_policy: {response_headers_to_copy: [X-Hint]}}}",
			"{match: {prefix: /to/}, route: {cluster: site, internal_redirect_policy: {redirect_response_codes: [303, 307], max_internal_redirects: 3}}}",
			"{match: {prefix: /loop}, route: {cluster: site, internal_redirect_policy: {max_internal_redirects: 3}}}",
			"{match: {prefix: /lost}, route: {cluster: site, internal_redirect_policy: {}}}",
			"{match: {prefix: /}, route: {cluster: site}}",
		}, []string{up.cluster("site", address)}), `domains: ["*"]`, `domains: ["a.test", "b.test"]`, 1), port)
		client := down.client(t)
		send := func(method, path, body string) (*http.Response, string) {
			return exchange(t, client, port, path, func(r *http.Request) {
				r.Method = method
				r.Host = "a.test"
				if body != "" {
					r.Body = io.NopCloser(strings.NewReader(body))
					r.ContentLength = int64(len(body))
				}
			})
		}
		large := strings.Repeat("x", 100_000)
		for range 3 { // the connections stay good
			_, body := send("GET", "/to/302?q", "")
			expect(t, "302", body, "GET b.test /arrived?q http://a.test/to/302?q taken 0")
			_, body = send("POST", "/to/307", large)
			expect(t, "307 with a body", body, "POST b.test /arrived? http://a.test/to/307  100000")
			_, body = send("POST", "/to/303", "body")
			expect(t, "303", body, "GET b.test /arrived? http://a.test/to/303  0")
		}
		response, body := send("GET", "/to/301", "")
		expect(t, "a status that is not followed", response.StatusCode, 301)
		expect(t, "its body", body, "over there")
		response, _ = send("GET", "/loop", "")
		expect(t, "a loop ends", response.StatusCode, 302)
		response, _ = send("GET", "/lost", "")
		expect(t, "no route there", response.Header.Get("Location"), "http://nowhere.test/")
		response, body = send("POST", "/to/307", strings.Repeat("x", 3<<20))
		expect(t, "a body that is too large to keep", response.StatusCode, 307)
		expect(t, "its answer", body, "over there")
	})
}

func TestConnectKeepsItsPort(t *testing.T) {
	port := freePort(t)
	address, heads := rawBackend(t, "HTTP/1.1 200 OK\r\n\r\n")
	start(t, strings.Replace(httpConfig(port, []string{"{match: {connect_matcher: {}}, route: {cluster: site}}"},
		[]string{staticCluster("site", "", address)}, "strip_matching_host_port: true", "upgrade_configs: [{upgrade_type: CONNECT}]"),
		`domains: ["*"]`, `domains: ["a.test"]`, 1), port)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "CONNECT a.test:%d HTTP/1.1\r\nHost: a.test:%d\r\n\r\n", port, port)
	select {
	case head := <-heads:
		expect(t, "request line", strings.SplitN(head, "\r\n", 2)[0], fmt.Sprintf("CONNECT a.test:%d HTTP/1.1", port))
	case <-time.After(deadline):
		t.Fatal("nothing reached the upstream")
	}
}

func TestAccessLogsAreFiltered(t *testing.T) {
	port := freePort(t)
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, []string{staticCluster("site", "")},
		`access_log: [{name: out, filter: {or_filter: {filters: [{header_filter: {header: {name: x-log, present_match: true}}}, `+
			`{status_code_filter: {comparison: {op: GE, value: {default_value: 400, runtime_key: key}}}}]}}, typed_config: {`+
			`"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: {text_format_source: {inline_string: "logged %REQ(:PATH)%\n"}}}}]`,
		"path_with_escaped_slashes_action: REJECT_REQUEST"), port)
	client := h1.client(t)
	exchange(t, client, port, "/not", nil)
	exchange(t, client, port, "/marked", func(r *http.Request) { r.Header.Set("X-Log", "1") })
	exchange(t, client, port, "/bad%2F", nil)
	eventually(t, func() string {
		if !strings.Contains(m.output.String(), "logged /marked\nlogged /bad%2F\n") {
			return m.output.String()
		}
		return ""
	})
	if strings.Contains(m.output.String(), "logged /not") {
		t.Error(m.output.String())
	}
}

func TestOptionsCountWhatTheyDo(t *testing.T) {
	everyVersion(t, func(t *testing.T, down version) {
		port, admin := freePort(t), freePort(t)
		address := down.backend(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/moved", "/lost":
				w.Header().Set("Location", map[string]string{"/moved": "http://a.test/", "/lost": "nowhere"}[r.URL.Path])
				w.WriteHeader(302)
			case "/hang":
				hang(w, r)
			}
		})
		start(t, withAdmin(admin, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site, internal_redirect_policy: {}}}"},
			[]string{down.cluster("site", address)}, "path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT",
			"common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER, max_stream_duration: 0.3s}")), port, admin)
		client := down.client(t)
		for path, status := range map[string]int{"/moved": 200, "/lost": 302, "/hang": 504, "/a%2Fb": 307} {
			response, _ := exchange(t, client, port, path, func(r *http.Request) { r.Header["X_bad"] = []string{"1"} })
			expect(t, path, response.StatusCode, status)
		}
		codec := map[version]string{h1: "http1", h2: "http2"}[down]
		eventually(t, func() string {
			stats := adminStats(adminAsk(t, http.DefaultClient, "GET", url(admin, "/stats")).body)
			for name, want := range map[string]string{
				"http.web.downstream_rq_redirected_with_normalized_path":  "1",
				"http.web.downstream_rq_max_duration_reached":             "1",
				codec + ".dropped_headers_with_underscores":               "4",
				"cluster.site.upstream_internal_redirect_succeeded_total": "1",
				"cluster.site.upstream_internal_redirect_failed_total":    "1",
			} {
				if stats[name] != want {
					return fmt.Sprintf("%s: found %q, expected %s", name, stats[name], want)
				}
			}
			return ""
		})
	})
}

func TestInternalRedirectsOfPipelinedAndCancelledRequests(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		entered, gone := make(chan bool, 100), make(chan bool, 100)
		port := freePort(t)
		address := up.backend(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case strings.HasPrefix(r.URL.Path, "/moved"):
				w.Header().Set("Location", "http://b.test/hang"+strings.TrimPrefix(r.URL.Path, "/moved"))
				w.WriteHeader(307)
			case r.URL.Path == "/hang":
				entered <- true
				hang(w, r)
				gone <- true
			default:
				fmt.Fprintf(w, "[%s %s]", r.URL.Path, body)
			}
		})
		start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site, timeout: 0s, internal_redirect_policy: {redirect_response_codes: [307]}}}"},
			[]string{up.cluster("site", address)}), port)
		if down == h1 {
			var requests strings.Builder
			for i := range 5 {
				connection := ""
				if i == 4 {
					connection = "Connection: close\r\n"
				}
				fmt.Fprintf(&requests, "POST /moved/%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n%s\r\nb%d", i, connection, i)
			}
			answer := raw(t, port, requests.String())
			for i := range 5 {
				word := fmt.Sprintf("[/hang/%d b%d]", i, i)
				at := strings.Index(answer, word)
				if at < 0 {
					t.Fatalf("no %s in order in %q", word, answer)
				}
				answer = answer[at:]
			}
		}
		rounds := 3
		if down == h1 { // moe waits for a client that may only have closed its sending side
			rounds = 1
		}
		for range rounds {
			ctx, cancel := context.WithCancel(context.Background())
			request, _ := http.NewRequestWithContext(ctx, "GET", url(port, "/moved"), nil)
			failed := make(chan error, 1)
			go func() {
				_, err := down.client(t).Do(request)
				failed <- err
			}()
			<-entered
			cancel()
			if err := <-failed; err == nil {
				t.Error("answered")
			}
			select {
			case <-gone:
			case <-time.After(deadline):
				t.Fatal("the upstream was not told")
			}
		}
	})
}
