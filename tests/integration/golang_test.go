package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// libraries are the plugins built so far; removed when all tests are done.
var libraries struct {
	sync.Mutex
	folder string
	errors map[string]error
}

// library builds a package as a plugin, once for all tests.
func library(t *testing.T, module, pkg string) string {
	t.Helper()
	libraries.Lock()
	defer libraries.Unlock()
	if libraries.folder == "" {
		folder, err := os.MkdirTemp("", "moe-plugins")
		if err != nil {
			t.Fatal(err)
		}
		libraries.folder, libraries.errors = folder, map[string]error{}
	}
	path := filepath.Join(libraries.folder, "lib"+filepath.Base(pkg)+".so")
	err, built := libraries.errors[path]
	if !built {
		err = buildLibrary(module, pkg, path)
		libraries.errors[path] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func buildLibrary(module, pkg, path string) error {
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", path, pkg)
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if os.Getenv("MOE_PRESET") == "tsan" { // its runtime keeps to addresses that TSan allows
		// clang leaves the sanitizer to the program that loads the library.
		build.Env = append(build.Env, "CC=clang-19", "CGO_CFLAGS=-fsanitize=thread", "CGO_LDFLAGS=-fsanitize=thread")
	}
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

func pluginPath(t *testing.T) string {
	t.Helper()
	return library(t, "../plugins", "./testplugin")
}

func TestMain(m *testing.M) {
	// Go's HTTP/2 takes extended CONNECT only if this is set when the program starts.
	if !strings.Contains(os.Getenv("GODEBUG"), "http2xconnect=1") {
		_ = os.Setenv("GODEBUG", strings.TrimPrefix(os.Getenv("GODEBUG")+",http2xconnect=1", ","))
		if program, err := os.Executable(); err == nil {
			_ = syscall.Exec(program, os.Args, os.Environ())
		}
	}
	code := m.Run()
	if libraries.folder != "" {
		_ = os.RemoveAll(libraries.folder)
	}
	os.Exit(code)
}

// goFilter is the filter of the test plugin; config is YAML in flow style, or empty.
func goFilter(path, config string) string {
	return fmt.Sprintf(`{name: golang, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.Config, `+
		`library_id: test, library_path: %q, plugin_name: test%s}}`, path, pluginConfig("plugin_config", config))
}

func pluginConfig(field, config string) string {
	if config == "" {
		return ""
	}
	return fmt.Sprintf(`, %s: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: test, value: %s}`, field, config)
}

const allToSite = "{match: {prefix: /}, route: {cluster: site}}"

// throughGo is moe with the test plugin before one upstream.
func throughGo(t *testing.T, handler http.HandlerFunc, options ...string) int {
	t.Helper()
	port := freePort(t)
	start(t, httpConfigWith([]string{goFilter(pluginPath(t), "")}, port, []string{allToSite},
		[]string{h1.cluster("site", backend(t, handler))}, options...), port)
	return port
}

// goProxy is moe with the test plugin before one upstream, its admin interface, and an access log of
// response code details.
type goProxy struct {
	*moe
	port, admin int
}

const detailsLog = `access_log: [{name: log, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, ` +
	`log_format: {text_format_source: {inline_string: "%RESPONSE_CODE% details %RESPONSE_CODE_DETAILS%\n"}}}}]`

func startGo(t *testing.T, handler http.HandlerFunc, options ...string) *goProxy {
	t.Helper()
	p := &goProxy{port: freePort(t), admin: freePort(t)}
	p.moe = start(t, withAdmin(p.admin, httpConfigWith([]string{goFilter(pluginPath(t), "")}, p.port, []string{allToSite},
		[]string{h1.cluster("site", backend(t, handler))}, append(options, detailsLog)...)), p.port, p.admin)
	return p
}

// stat is the value of a statistic of the test plugin.
func (p *goProxy) stat(t *testing.T, name string) int {
	t.Helper()
	text := adminStats(adminAsk(t, http.DefaultClient, "GET", url(p.admin, "/stats")).body)["golang.test."+name]
	value, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("golang.test.%s is %q", name, text)
	}
	return value
}

func (p *goProxy) expectDetails(t *testing.T, line string) {
	t.Helper()
	eventually(t, func() string {
		if !strings.Contains(p.output.String(), line+"\n") {
			return fmt.Sprintf("no access log line %q in:\n%s", line, p.output)
		}
		return ""
	})
}

// ask sends a request in a mode; the body is a string, a reader or nil.
func ask(t *testing.T, port int, mode string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequest(method, url(port, "/path"), body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Mode", mode)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: false}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%v after %d bytes", err, len(text))
	}
	return response, string(text)
}

func expect(t *testing.T, what string, found, expected interface{}) {
	t.Helper()
	if fmt.Sprint(found) != fmt.Sprint(expected) {
		t.Errorf("%s: found %q, expected %q", what, fmt.Sprint(found), fmt.Sprint(expected))
	}
}

// echo answers with the request's body, and its headers as X-Seen-NAME.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	for name, values := range r.Header {
		w.Header()["X-Seen-"+name] = values
	}
	w.Header().Set("X-Seen-Path", r.URL.Path)
	w.Header().Set("X-Seen-Host", r.Host)
	w.Header().Set("X-Seen-Body-Length", fmt.Sprint(r.ContentLength))
	w.Header().Set("X-Upstream", "here")
	w.Header().Set("X-Set", "upstream")
	_, _ = w.Write(body)
}

func TestGoEditsHeadersBothWays(t *testing.T) {
	port := throughGo(t, echo)
	response, _ := ask(t, port, "headers", nil, "X-Set", "client", "X-Remove", "me", "X-Raw", "raw value")
	expect(t, "set in the request", response.Header["X-Seen-X-Set"], []string{"one"})
	expect(t, "added to the request", response.Header["X-Seen-X-Added"], []string{"1", "2"})
	expect(t, "removed from the request", response.Header["X-Seen-X-Remove"], []string(nil))
	expect(t, "read raw", response.Header.Get("X-Seen-X-Raw-Seen"), "raw value")
	expect(t, "set in the response", response.Header["X-Set"], []string{"two"})
	expect(t, "added to the response", response.Header["X-Multi"], []string{"1", "2"})
	expect(t, "removed from the response", response.Header["X-Upstream"], []string(nil))
	response, _ = ask(t, port, "path", nil)
	expect(t, "path", response.Header.Get("X-Seen-Path"), "/rewritten")
	expect(t, "host", response.Header.Get("X-Seen-Host"), "other.test")
}

func TestGoCannotSplitAMessage(t *testing.T) {
	proxy := startGo(t, echo)
	response, _ := ask(t, proxy.port, "split", nil)
	expect(t, "forged header", response.Header.Get("X-Seen-X-Forged"), "")
	expect(t, "invalid header", response.Header.Get("X-Seen-X-Split"), "")
	expect(t, "the other header", response.Header.Get("X-Seen-X-Ok"), "fine")
	expect(t, "errors", proxy.stat(t, "errors"), 1)
	response, _ = ask(t, proxy.port, "deny-details", nil)
	expect(t, "status", response.StatusCode, 403)
	proxy.expectDetails(t, "403 details two_words__next_line")
}

// A length that Go made wrong must not shift the messages behind it.
func TestGoCannotLieAboutLengths(t *testing.T) {
	port := throughGo(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.Header.Get("X-Mode") == "wrong-length" && err == nil {
			t.Errorf("the upstream took %q for a whole body", body)
		}
		_, _ = io.WriteString(w, "six by")
	})
	response, _ := ask(t, port, "wrong-length", strings.NewReader("five5"))
	expect(t, "a request", response.StatusCode, 500)
	request, _ := http.NewRequest("GET", url(port, "/"), nil)
	request.Header.Set("x-mode", "wrong-response-length")
	if answer, err := http.DefaultClient.Do(request); err == nil {
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err == nil {
			t.Errorf("the client took %q for a whole body", body)
		}
	}
	response, _ = ask(t, port, "headers", nil)
	expect(t, "afterwards", response.StatusCode, 200)
}

func TestGoAnswersLocally(t *testing.T) {
	port := throughGo(t, func(http.ResponseWriter, *http.Request) { t.Error("the upstream was asked") })
	response, body := ask(t, port, "deny", nil)
	expect(t, "status", response.StatusCode, 403)
	expect(t, "body", body, "denied by Go")
	expect(t, "headers", response.Header["X-Deny"], []string{"a", "b"})
	expect(t, "content type", response.Header.Get("Content-Type"), "text/x-deny")
	response, body = ask(t, port, "deny-later", nil)
	expect(t, "status", response.StatusCode, 418)
	expect(t, "body", body, "denied later")
	// The rest of a body that nobody waits for does no harm to the connection.
	response, _ = ask(t, port, "deny", strings.NewReader(strings.Repeat("x", 300_000)))
	expect(t, "status", response.StatusCode, 403)
	response, _ = ask(t, port, "local-reply-missing", nil)
	expect(t, "status", response.StatusCode, 500)
}

func TestGoReplacesAResponse(t *testing.T) {
	response, body := ask(t, throughGo(t, echo), "replace-response", nil)
	expect(t, "status", response.StatusCode, 502)
	expect(t, "body", body, "replaced by Go")
	expect(t, "upstream's header", response.Header.Get("X-Upstream"), "")
}

func TestGoContinuesFromAGoroutine(t *testing.T) {
	port := throughGo(t, echo)
	response, _ := ask(t, port, "async", nil)
	expect(t, "header", response.Header.Get("X-Seen-X-Async"), "yes")
	expect(t, "path", response.Header.Get("X-Seen-X-Async-Path"), "/path")
	body := strings.Repeat("streamed while Go thinks ", 60_000)
	response, text := ask(t, port, "async-both", strings.NewReader(body))
	expect(t, "status seen", response.Header.Get("X-Async-Status"), "200")
	if text != body {
		t.Errorf("%d bytes came back of %d", len(text), len(body))
	}
}

func TestGoRewritesBodies(t *testing.T) {
	port := throughGo(t, echo)
	body := strings.Repeat("abcdefgh", 1<<17) // 1 MiB, the buffer limit
	for _, mode := range []string{"body", "body-later"} {
		response, text := ask(t, port, mode, strings.NewReader(body))
		if response.StatusCode != 200 || text != strings.ToUpper(body) {
			t.Errorf("%s: status %d, %d bytes", mode, response.StatusCode, len(text))
		}
		expect(t, mode+" length", response.Header.Get("X-Seen-Body-Length"), len(body))
	}
	response, text := ask(t, port, "body-async", strings.NewReader(body))
	if text != strings.ToUpper(body)+"!" {
		t.Errorf("body-async: status %d, %d bytes", response.StatusCode, len(text))
	}
	expect(t, "length", response.Header.Get("X-Seen-Body-Length"), len(body)+1)
	response, text = ask(t, port, "bufops", strings.NewReader("0123456789"))
	expect(t, "buffer operations", text, "<23456789>.")
	expect(t, "length in Go", response.Header.Get("X-Seen-X-Length"), 11)
	_, text = ask(t, port, "add-data", nil)
	expect(t, "added", text, "added by Go")
	_, text = ask(t, port, "keep-data", io.MultiReader(strings.NewReader("one,"), strings.NewReader("two")))
	expect(t, "kept", text, "one,two|kept")
	_, text = ask(t, port, "add-data-hold", strings.NewReader("body"))
	expect(t, "added before", text, "added by Go,body")
	response, text = ask(t, port, "drop-held", strings.NewReader("body"))
	expect(t, "dropped under held headers", fmt.Sprint(response.StatusCode, text), "200")
	expect(t, "its length", response.Header.Get("X-Seen-Body-Length"), "0")
	_, text = ask(t, port, "drop-data", io.MultiReader(strings.NewReader("one,"), strings.NewReader("two")))
	expect(t, "dropped", text, "")
}

// slowly gives one part of a body after the other.
type slowly struct{ parts []string }

func (s *slowly) Read(p []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	time.Sleep(20 * time.Millisecond)
	n := copy(p, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

// A buffer that a filter keeps is the part of the body that it was given, and no more.
func TestGoKeepsBuffers(t *testing.T) {
	port := throughGo(t, echo)
	long := strings.Repeat("x", 10_000)
	_, text := ask(t, port, "keep-buffers", &slowly{[]string{"a", long, "b"}})
	// How it comes apart is up to the network; there are a first part and an end at least.
	if whole := strings.NewReplacer("[", "", "]", "").Replace(text); whole != "a"+long+"b" || strings.Count(text, "[") < 2 {
		t.Errorf("%d bytes came back in %d parts: %.200s", len(whole), strings.Count(text, "["), text)
	}
}

// The body comes while Go is at work on the headers: the data call is made by its Continue.
func TestGoAnswersInACallMadeByAContinue(t *testing.T) {
	proxy := startGo(t, echo, "http_protocol_options: {enable_trailers: true}")
	for i := 0; i < 3; i++ {
		response, body := ask(t, proxy.port, "deny-data-later", strings.NewReader("body"))
		expect(t, "reply", fmt.Sprint(response.StatusCode, body), "403denied with data")
		response, _ = ask(t, proxy.port, "panic-data-later", strings.NewReader("body"))
		expect(t, "panic", response.StatusCode, 500)
	}
	// The trailers end the body, so that no data call is the last one.
	request, _ := http.NewRequest(http.MethodPost, url(proxy.port, "/"), struct{ io.Reader }{strings.NewReader("body")})
	request.Header.Set("X-Mode", "hold-till-trailers")
	request.Trailer = http.Header{"X-Go": {"client"}}
	client := http.Client{Timeout: deadline}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	expect(t, "held till the trailers", fmt.Sprint(response.StatusCode, string(body)), "200body")
}

// A goroutine asks for metadata while the worker calls OnStreamComplete and OnLog, which need the
// same lock of the SDK.
func TestGoMetadataDoesNotBlockTheLog(t *testing.T) {
	proxy := startGo(t, echo)
	for i := 0; i < 30; i++ {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", proxy.port))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(connection, "GET / HTTP/1.1\r\nhost: a\r\nx-mode: ask-while-logged\r\n\r\n")
		time.Sleep(5 * time.Millisecond)
		_ = connection.(*net.TCPConn).SetLinger(0) // RST
		connection.Close()
	}
	eventually(t, func() string {
		if total, active := proxy.stat(t, "requests_total"), proxy.stat(t, "requests_active"); total != 30 || active != 0 {
			return fmt.Sprintf("%d requests, %d active", total, active)
		}
		return ""
	})
	for i := 0; i < 4; i++ { // both workers
		response, _ := ask(t, proxy.port, "headers", nil)
		expect(t, "afterwards", response.StatusCode, 200)
	}
}

// A panic of the SDK that a refused call in a method causes.
func TestGoAnswersInTheWrongDirection(t *testing.T) {
	proxy := startGo(t, echo)
	response, _ := ask(t, proxy.port, "wrong-direction", nil)
	expect(t, "status", response.StatusCode, 500)
	expect(t, "panics", proxy.stat(t, "panic_error"), 1)
	proxy.expectDetails(t, "500 details golang_filter_called_a_direction_that_is_not_in_go")
}

func TestGoBodyAboveTheLimitIsRefused(t *testing.T) {
	port := throughGo(t, echo)
	response, _ := ask(t, port, "body", bytes.NewReader(make([]byte, 3<<20)))
	expect(t, "request", response.StatusCode, 413)
	response, _ = ask(t, port, "response-body", bytes.NewReader(make([]byte, 3<<20)))
	expect(t, "response", response.StatusCode, 500)
}

func TestGoRewritesAChunkedResponse(t *testing.T) {
	port := throughGo(t, func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < 50; i++ {
			fmt.Fprintf(w, "chunk %d;", i)
			w.(http.Flusher).Flush()
		}
	})
	var expected strings.Builder
	for i := 0; i < 50; i++ {
		fmt.Fprintf(&expected, "CHUNK %d;", i)
	}
	for _, mode := range []string{"response-chunks", "response-chunks-async"} {
		_, text := ask(t, port, mode, nil)
		expect(t, mode, text, expected.String())
	}
	for _, mode := range []string{"response-body", "response-body-async"} {
		_, text := ask(t, port, mode, nil)
		expect(t, mode, text, fmt.Sprintf("%d bytes", expected.Len()))
	}
	response, _ := ask(t, port, "response-body", nil)
	expect(t, "a header set in EncodeData", response.Header.Get("X-Rewritten"), "yes")
}

func TestGoChangesTrailers(t *testing.T) {
	port := throughGo(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Go, X-Drop, X-Keep, X-Request")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Drop", "me")
		w.Header().Set("X-Keep", "me")
		w.Header().Set("X-Request", r.Trailer.Get("X-Go")+"/"+r.Trailer.Get("X-Drop")+"/"+r.Trailer.Get("X-Keep"))
	}, "http_protocol_options: {enable_trailers: true}")
	for mode, value := range map[string]string{"trailers": "request", "trailers-async": "later"} {
		request, _ := http.NewRequest(http.MethodPost, url(port, "/"), struct{ io.Reader }{strings.NewReader("body")})
		request.Header.Set("X-Mode", mode)
		request.Trailer = http.Header{"X-Go": {"client"}, "X-Drop": {"client"}, "X-Keep": {"client"}}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(response.Body)
		response.Body.Close()
		expect(t, mode+" request trailers", response.Trailer.Get("X-Request"), value+"//client")
		expect(t, mode+" response trailers", response.Trailer.Get("X-Go"), "response")
		expect(t, mode+" dropped", response.Trailer.Get("X-Drop"), "")
		expect(t, mode+" kept", response.Trailer.Get("X-Keep"), "me")
	}
}

func TestGoMetadataChoosesTheSubset(t *testing.T) {
	site := func(name string) string {
		return backend(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name+" "+r.Header.Get("X-Metadata"))
		})
	}
	endpoint := func(name string) string {
		host, port, _ := net.SplitHostPort(site(name))
		return fmt.Sprintf("{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}, metadata: {filter_metadata: {envoy.lb: {site: %s}}}}",
			host, port, name)
	}
	cluster := fmt.Sprintf("{name: site, type: STATIC, lb_subset_config: {fallback_policy: ANY_ENDPOINT, subset_selectors: [{keys: [site]}]}, "+
		"load_assignment: {cluster_name: site, endpoints: [{lb_endpoints: [%s, %s]}]}}", endpoint("s1"), endpoint("s2"))
	port := freePort(t)
	start(t, httpConfigWith([]string{goFilter(pluginPath(t), "")}, port, []string{allToSite}, []string{cluster}), port)
	for i := 0; i < 6; i++ {
		for _, mode := range []string{"metadata", "metadata-async"} {
			for _, name := range []string{"s1", "s2"} {
				_, body := ask(t, port, mode, nil, "X-Site", name)
				expect(t, mode, body, name+" "+name)
			}
		}
	}
}

func TestGoPanicsAreAnsweredWith500(t *testing.T) {
	proxy := startGo(t, echo)
	for i, c := range []struct{ mode, details string }{
		{"panic", "boom_in_DecodeHeaders"},
		{"panic-goroutine", "boom_in_a_goroutine"},
		{"panic-data", "boom_in_DecodeData"},
		{"panic-encode", "boom_in_EncodeHeaders"},
	} {
		response, _ := ask(t, proxy.port, c.mode, strings.NewReader("body"))
		expect(t, c.mode, response.StatusCode, 500)
		proxy.expectDetails(t, "500 details "+c.details)
		expect(t, c.mode+" panic_error", proxy.stat(t, "panic_error"), i+1)
	}
	expect(t, "local_replies", proxy.stat(t, "local_replies"), 0)
	response, _ := ask(t, proxy.port, "headers", nil)
	expect(t, "after the panics", response.StatusCode, 200)
}

func TestGoReadsStreamInfo(t *testing.T) {
	port := freePort(t)
	start(t, httpConfigWith([]string{goFilter(pluginPath(t), "")}, port,
		[]string{"{name: main, match: {prefix: /}, route: {cluster: site}}"},
		[]string{staticCluster("site", "", backend(t, echo))}), port)
	for _, mode := range []string{"info", "info-async"} {
		_, body := ask(t, port, mode, nil)
		var info map[string]interface{}
		if err := json.Unmarshal([]byte(body), &info); err != nil {
			t.Fatalf("%v in %q", err, body)
		}
		expect(t, "route", info["route"], "main")
		expect(t, "protocol", info["protocol"], "HTTP/1.1")
		expect(t, "response code", info["has_code"], false)
		expect(t, "upstream", info["has_upstream"], false)
		expect(t, "cluster", info["cluster"], "site")
		expect(t, "local address", info["local"], fmt.Sprintf("127.0.0.1:%d", port))
		if remote := fmt.Sprint(info["remote"]); !strings.HasPrefix(remote, "127.0.0.1:") {
			t.Errorf("remote address %q", remote)
		}
	}
	ask(t, port, "log", nil)
	eventually(t, func() string {
		_, text := ask(t, port, "last-log", nil)
		if text != "/path 200 via_upstream site yes; complete: log" {
			return "log: " + text
		}
		return ""
	})
}

// eventually waits until the check has nothing to complain about.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	for until := time.Now().Add(deadline); ; time.Sleep(10 * time.Millisecond) {
		complaint := check()
		if complaint == "" {
			return
		}
		if time.Now().After(until) {
			t.Fatal(complaint)
		}
	}
}

// Clients that go away in each phase, goroutines that answer long after, upstreams that reset.
func TestGoOutlivesStreams(t *testing.T) {
	upstream := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Reset") != "" {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
			connection, _, _ := w.(http.Hijacker).Hijack()
			_ = connection.(*net.TCPConn).SetLinger(0)
			connection.Close()
			return
		}
		echo(w, r)
	})
	port, admin := freePort(t), freePort(t)
	proxy := &goProxy{port: port, admin: admin}
	proxy.moe = start(t, withAdmin(admin, httpConfigWith([]string{goFilter(pluginPath(t), "")}, port, []string{allToSite},
		[]string{staticCluster("site", "", upstream)})), port, admin)
	modes := []string{"late", "encode-late", "async", "async-both", "body", "body-async", "body-later", "response-body-async",
		"response-chunks-async", "metadata-async", "info-async", "deny-later", "panic-goroutine"}
	const clients, rounds = 8, 26
	lateCalls := 0
	var group sync.WaitGroup
	for c := 0; c < clients; c++ {
		for i := 0; i < rounds; i++ {
			if mode := modes[(c+i)%len(modes)]; mode == "late" || mode == "encode-late" {
				lateCalls++
			}
		}
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < rounds; i++ {
				mode := modes[(c+i)%len(modes)]
				reset := ""
				if i%3 == 0 {
					reset = "x-reset: 1\r\n"
				}
				connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					t.Error(err)
					return
				}
				sent := []int{40_000, 100_000}[i%2] // half of them: less than announced
				fmt.Fprintf(connection, "POST / HTTP/1.1\r\nhost: a\r\nx-mode: %s\r\n%scontent-length: 100000\r\n\r\n%s",
					mode, reset, strings.Repeat("x", sent))
				_ = connection.SetReadDeadline(time.Now().Add(time.Duration(i%4) * 10 * time.Millisecond))
				_, _ = connection.Read(make([]byte, 1000))
				_ = connection.(*net.TCPConn).SetLinger(0) // RST
				connection.Close()
			}
		}()
	}
	group.Wait()
	eventually(t, func() string {
		_, text := ask(t, port, "counts", nil)
		var refused, done, destroyed int
		_, _ = fmt.Sscanf(text, "refused=%d done=%d destroyed=%d", &refused, &done, &destroyed)
		if refused == 0 || done == 0 || destroyed < clients*rounds/2 { // the others: reset before they were read
			return fmt.Sprintf("%s (%d late calls were asked for)", text, lateCalls)
		}
		return ""
	})
	response, _ := ask(t, port, "headers", nil)
	expect(t, "afterwards", response.StatusCode, 200)
	// Every one of them has ended, and Go has let go of it.
	eventually(t, func() string {
		ask(t, port, "gc", nil)
		time.Sleep(100 * time.Millisecond)
		total, active, live := proxy.stat(t, "requests_total"), proxy.stat(t, "requests_active"), proxy.stat(t, "requests_live")
		if total < clients*rounds/2 || active != 0 || live != 0 {
			return fmt.Sprintf("%d requests, %d active, %d live", total, active, live)
		}
		return ""
	})
	_, text := ask(t, port, "counts", nil)
	var refused, done, destroyed int
	_, _ = fmt.Sscanf(text, "refused=%d done=%d destroyed=%d", &refused, &done, &destroyed)
	expect(t, "destroyed", destroyed, proxy.stat(t, "requests_total")-1) // but the one that asks
}
