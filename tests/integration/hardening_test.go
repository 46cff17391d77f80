package integration

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const upgradeToWebSocket = "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

// What the path leads to decides, not what it looks like.
func TestAnUpgradeIsAllowedByTheRouteThatServesIt(t *testing.T) {
	address := backend(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("reached the upstream: %s", r.URL)
	})
	port := freePort(t)
	start(t, httpConfig(port, []string{
		"{match: {prefix: /chat}, route: {cluster: site, upgrade_configs: [{upgrade_type: websocket}]}}",
		"{match: {prefix: /}, route: {cluster: site}}",
	}, []string{staticCluster("site", "", address)}, "normalize_path: true"), port)
	if answer := raw(t, port, "GET /chat/../admin HTTP/1.1\r\n"+upgradeToWebSocket); !strings.HasPrefix(answer, "HTTP/1.1 403 ") {
		t.Errorf("%q", answer)
	}
}

func TestPathsAreMadePlainBeforeRouting(t *testing.T) {
	address := backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) })
	port := freePort(t)
	start(t, httpConfig(port, []string{
		"{match: {prefix: /admin}, direct_response: {status: 403}}",
		"{match: {prefix: /}, route: {cluster: site}}",
	}, []string{staticCluster("site", "", address)}, "normalize_path: true"), port)
	for path, want := range map[string]string{
		`/public\..\admin`:    "HTTP/1.1 403 ",
		"/public#/../admin":   "HTTP/1.1 400 ",
		"/public?a=b#/anchor": "HTTP/1.1 400 ",
		"/public":             "HTTP/1.1 200 ",
	} {
		if answer := raw(t, port, "GET "+path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(answer, want) {
			t.Errorf("%s: %q, expected %q", path, answer, want)
		}
	}
}

func TestClientsCannotPassForSomebodyElse(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q %q", r.Header["X-Forwarded-For"], r.Header["X-Envoy-Internal"], r.Header["X-Envoy-Retry-On"])
	}, "use_remote_address: true", "internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}")
	request := func(headers string) string {
		_, body, _ := strings.Cut(raw(t, port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"+headers+"\r\n"), "\r\n\r\n")
		return body
	}
	if body := request("X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\nX-Envoy-Internal: true\r\nX-Envoy-Retry-On: 5xx\r\n"); body !=
		`["10.0.0.1,10.0.0.2,127.0.0.1"] [] []` {
		t.Error(body)
	}
	if body := request(""); body != `["127.0.0.1"] ["true"] []` {
		t.Error(body)
	}
	answer := raw(t, port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Forwarded-For\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
		t.Errorf("%q", answer)
	}
}

func TestNoClientIsInternalUnlessTheConfigurationSaysSo(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q", r.Header["X-Envoy-Internal"], r.Header["X-Envoy-Retry-On"])
	}, "use_remote_address: true")
	_, body := exchange(t, h1.client(t), port, "/", func(r *http.Request) { r.Header.Set("X-Envoy-Retry-On", "5xx") })
	expect(t, "a loopback client", body, "[] []")
}

func TestClientCertificatesAreForwardedOnlyWhereAlways(t *testing.T) {
	for mode, want := range map[string]string{
		"":                    "[]",
		"SANITIZE":            "[]",
		"FORWARD_ONLY":        "[]",
		"APPEND_FORWARD":      "[]",
		"SANITIZE_SET":        "[]",
		"ALWAYS_FORWARD_ONLY": `["URI=spiffe://admin"]`,
	} {
		options := []string{}
		if mode != "" {
			options = append(options, "forward_client_cert_details: "+mode)
		}
		everyVersion(t, func(t *testing.T, down version) {
			port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "%q", r.Header["X-Forwarded-Client-Cert"])
			}, options...)
			_, body := exchange(t, down.client(t), port, "/", func(r *http.Request) {
				r.Header.Set("X-Forwarded-Client-Cert", "URI=spiffe://admin")
			})
			expect(t, mode, body, want)
		})
	}
}

func TestAutoHostRewriteTakesTheNameOfTheEndpoint(t *testing.T) {
	_, site, _ := strings.Cut(backend(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Host, r.Header.Get("X-Forwarded-Host"))
	}), ":")
	port := freePort(t)
	start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site, auto_host_rewrite: true, append_x_forwarded_host: true}}"},
		[]string{fmt.Sprintf("{name: site, type: STRICT_DNS, dns_lookup_family: V4_ONLY, load_assignment: {cluster_name: site, endpoints: "+
			"[{lb_endpoints: [{endpoint: {address: {socket_address: {address: localhost, port_value: %s}}}}]}]}}", site)}), port)
	request, _ := http.NewRequest("GET", url(port, "/"), nil)
	request.Host = "asked.test"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "localhost asked.test" {
		t.Errorf("%q", body)
	}
}

// fetch sends a GET that follows no redirect and reads the answer.
func fetch(t *testing.T, target string) (*http.Response, string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

func TestOwnAnswersHaveTheRoutesHeaders(t *testing.T) {
	slow := backend(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	port := freePort(t)
	const add = "response_headers_to_add: [{header: {key: x-policy, value: 'strict %RESPONSE_CODE%'}}]}"
	start(t, httpConfig(port, []string{
		"{match: {prefix: /moved}, redirect: {path_redirect: /there}, " + add,
		"{match: {prefix: /direct}, direct_response: {status: 418}, " + add,
		"{match: {prefix: /refused}, route: {cluster: refused}, " + add,
		"{match: {prefix: /empty}, route: {cluster: empty}, " + add,
		"{match: {prefix: /slow}, route: {cluster: slow, timeout: 0.05s}, " + add,
	}, []string{
		staticCluster("refused", "", fmt.Sprintf("127.0.0.1:%d", freePort(t))),
		staticCluster("empty", ""),
		staticCluster("slow", "", slow),
	}), port)
	for path, status := range map[string]int{"/moved": 301, "/direct": 418, "/refused": 503, "/empty": 503, "/slow": 504} {
		response, _ := fetch(t, url(port, path))
		if got := response.Header.Get("X-Policy"); response.StatusCode != status || got != fmt.Sprintf("strict %d", status) {
			t.Errorf("%s: %d %q, expected %d and its policy", path, response.StatusCode, got, status)
		}
	}
}

func TestFailuresOfAClusterAreItsAnswers(t *testing.T) {
	slow := backend(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	port, admin := freePort(t), freePort(t)
	start(t, fmt.Sprintf("admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}\n", admin)+
		httpConfig(port, []string{
			"{match: {prefix: /refused}, route: {cluster: refused}}",
			"{match: {prefix: /slow}, route: {cluster: slow, timeout: 0.05s}}",
		}, []string{
			staticCluster("refused", "", fmt.Sprintf("127.0.0.1:%d", freePort(t))),
			staticCluster("slow", "", slow),
		}), port, admin)
	fetch(t, url(port, "/refused"))
	fetch(t, url(port, "/slow"))
	_, stats := fetch(t, url(admin, "/stats"))
	for _, want := range []string{
		"cluster.refused.upstream_rq_5xx: 1\n", "cluster.refused.upstream_rq_completed: 1\n",
		"cluster.slow.upstream_rq_5xx: 1\n", "cluster.slow.upstream_rq_completed: 1\n",
	} {
		if !strings.Contains(stats, want) {
			t.Errorf("no %q in %s", want, stats)
		}
	}
}

func TestTheAccessLogTellsHowAnAnswerBroke(t *testing.T) {
	address := backend(t, func(w http.ResponseWriter, r *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		connection.Close()
	})
	port := freePort(t)
	file := filepath.Join(t.TempDir(), "access.log")
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site", "", address)},
		fmt.Sprintf(`access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: %q, `+
			`log_format: {json_format: {details: "%%RESPONSE_CODE_DETAILS%%", sent: "%%REQ(X-Sent)%%"}}}}]`, file)), port)
	send := func(value string) {
		request, _ := http.NewRequest("GET", url(port, "/"), nil)
		request.Header.Set("X-Sent", value)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("a whole answer: %q", body)
		}
	}
	send("a\xe4b")
	eventually(t, func() string { // written while moe runs
		if text, _ := os.ReadFile(file); !strings.Contains(string(text), "}\n") {
			return fmt.Sprintf("%q", text)
		}
		return ""
	})
	send("last")
	m.stop()
	text, _ := os.ReadFile(file) // and at the end
	want := regexp.MustCompile(`^{"details":"upstream_reset_after_response_started{[a-z_]+}","sent":"a\\ufffdb"}\n` +
		`{"details":"upstream_reset_after_response_started{[a-z_]+}","sent":"last"}\n$`)
	if !want.Match(text) {
		t.Errorf("%q", text)
	}
}

// Nobody reads standard output: traffic goes on, and moe ends.
func TestAStuckAccessLogHoldsUpNoRequest(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	port := freePort(t)
	config := httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil,
		`access_log: [{name: out, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, `+
			`log_format: {text_format_source: {inline_string: "%REQ(X-LONG)%\n"}}}}]`)
	cmd := exec.Command(binary(t), "--config-yaml", config, "--concurrency", "1")
	cmd.Stdout = writer
	var log lockedBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	client := &http.Client{Timeout: deadline}
	for i := 0; i < 400; i++ {
		request, _ := http.NewRequest("GET", url(port, "/"), nil)
		request.Header.Set("X-Long", strings.Repeat("x", 8000))
		eventually(t, func() string { // until it listens
			response, err := client.Do(request)
			if err != nil {
				return err.Error()
			}
			response.Body.Close()
			return ""
		})
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%v: %s", err, &log)
		}
	case <-time.After(deadline):
		_ = cmd.Process.Kill()
		t.Errorf("did not end: %s", &log)
	}
}

func TestOnlyAnUnknownOptionalFilterIsLeftOut(t *testing.T) {
	validate := func(filter string) string {
		config := httpConfigWith([]string{filter}, freePort(t), []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil)
		output, _ := exec.Command(binary(t), "--mode", "validate", "--config-yaml", config).CombinedOutput()
		return string(output)
	}
	const unknown = `{name: f, is_optional: true, typed_config: {"@type": type.googleapis.com/google.protobuf.Duration, value: 1s}}`
	if output := validate(unknown); !strings.Contains(output, "OK\n") || !strings.Contains(output, "left out, as is_optional allows") {
		t.Error(output)
	}
	const broken = `{name: f, is_optional: true, typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, ` +
		`type_url: type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.Config, value: {library_id: 5}}}`
	if output := validate(broken); strings.Contains(output, "OK\n") || !strings.Contains(output, "library_id") {
		t.Error(output)
	}
}

func TestARouteEnablesAFilterThatIsOffByDefault(t *testing.T) {
	port := freePort(t)
	filter := strings.Replace(goFilter(pluginPath(t), ""), "{name: golang,", "{name: golang, disabled: true,", 1)
	start(t, httpConfigWith([]string{filter}, port, []string{
		`{match: {prefix: /on}, route: {cluster: site}, typed_per_filter_config: {golang: {"@type": type.googleapis.com/envoy.config.route.v3.FilterConfig}}}`,
		allToSite,
	}, []string{staticCluster("site", "", backend(t, echo))}), port)
	for path, want := range map[string]bool{"/on": true, "/": false} {
		request, _ := http.NewRequest("GET", url(port, path), nil)
		request.Header.Set("X-Mode", "headers")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("X-Go-Encoded") != ""; got != want {
			t.Errorf("%s: through the filter: %v", path, got)
		}
	}
}
