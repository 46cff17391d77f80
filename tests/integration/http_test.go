package integration

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func url(port int, path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", port, path) }

// backend is an HTTP server whose answers are what the handler says.
func backend(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// raw sends bytes on a connection of its own and reads until the peer closes.
func raw(t *testing.T, port int, request string) string {
	t.Helper()
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil {
		t.Fatalf("%v after %q", err, answer)
	}
	return string(answer)
}

func forwarding(t *testing.T, handler http.HandlerFunc, options ...string) int {
	t.Helper()
	port := freePort(t)
	start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
		[]string{staticCluster("site", "", backend(t, handler))}, options...), port)
	return port
}

func TestForwardsRequestAndResponse(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Sent"))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.Host, body)
	})
	request, _ := http.NewRequest("POST", url(port, "/a?b=c"), strings.NewReader("body"))
	request.Header.Set("X-Sent", "value")
	request.Host = "example.test"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != 201 || response.Header.Get("X-Seen") != "value" || string(body) != "POST /a?b=c example.test body" {
		t.Fatalf("%d %v %q", response.StatusCode, response.Header, body)
	}
}

func TestStreamsLargeBodiesBothWays(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		data, _ := io.ReadAll(io.TeeReader(r.Body, hash))
		w.Header().Set("X-Hash", fmt.Sprintf("%x", hash.Sum(nil)))
		for len(data) > 0 { // chunked, in uneven pieces
			n := min(len(data), 70_001)
			_, _ = w.Write(data[:n])
			data = data[n:]
		}
	})
	payload := make([]byte, 20<<20)
	rand.New(rand.NewSource(1)).Read(payload)
	// Once with a length, once chunked.
	for _, body := range []io.Reader{bytes.NewReader(payload), io.MultiReader(bytes.NewReader(payload))} {
		response, err := http.Post(url(port, "/"), "application/octet-stream", body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !bytes.Equal(got, payload) || response.Header.Get("X-Hash") != fmt.Sprintf("%x", sha256.Sum256(payload)) {
			t.Fatalf("%v, %d of %d bytes", err, len(got), len(payload))
		}
	}
}

func TestManyClientsKeepTheirConnections(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	var group sync.WaitGroup
	for c := 0; c < 16; c++ {
		group.Add(1)
		go func() {
			defer group.Done()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: deadline}
			for i := 0; i < 200; i++ {
				path := fmt.Sprintf("/%d/%d", c, i)
				response, err := client.Get(url(port, path))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if string(body) != path {
					t.Errorf("%q for %q", body, path)
				}
			}
		}()
	}
	group.Wait()
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "[%s]", r.URL.Path) })
	var request strings.Builder
	for i := 0; i < 9; i++ {
		fmt.Fprintf(&request, "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i)
	}
	request.WriteString("GET /9 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	answer := raw(t, port, request.String())
	at := 0
	for i := 0; i < 10; i++ {
		next := strings.Index(answer[at:], fmt.Sprintf("[/%d]", i))
		if next < 0 {
			t.Fatalf("no /%d in order in %q", i, answer)
		}
		at += next
	}
}

func TestHeadHasNoBody(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "1234") })
	answer := raw(t, port, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	if !strings.Contains(answer, "content-length: 1234\r\n") || !strings.HasSuffix(answer, "\r\n\r\n") {
		t.Fatalf("%q", answer)
	}
}

func TestExpectContinueIsAnswered(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s|%s", body, r.Header.Get("Expect"))
	})
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	reader := bufio.NewReader(connection)
	line, err := reader.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = reader.ReadString('\n')
	fmt.Fprint(connection, "body")
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(response.Body); string(body) != "body|" {
		t.Fatalf("%q", body)
	}
}

func TestHalfClosedClientGetsItsAnswer(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "answer") })
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	fmt.Fprint(connection, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil || !strings.HasSuffix(string(answer), "answer") {
		t.Fatalf("%q %v", answer, err)
	}
}

func TestUpgradePassesBytesBothWays(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		connection, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close()
		fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		line, _ := buffered.ReadString('\n')
		fmt.Fprintf(connection, "echo %s", line)
	}, "upgrade_configs: [{upgrade_type: echo}]")
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	fmt.Fprint(connection, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != 101 || response.Header.Get("Upgrade") != "echo" {
		t.Fatalf("%v %v", response, err)
	}
	fmt.Fprint(connection, "hello\n")
	line, err := reader.ReadString('\n')
	if err != nil || line != "echo hello\n" {
		t.Fatalf("%q %v", line, err)
	}
	// Where it is not allowed, it is refused.
	plain := forwarding(t, func(http.ResponseWriter, *http.Request) { t.Error("reached the upstream") })
	answer := raw(t, plain, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 403 ") {
		t.Fatalf("%q", answer)
	}
}

// Bytes behind an upgrade that the upstream declines are not requests.
func TestADeclinedUpgradeSmugglesNothing(t *testing.T) {
	var paths sync.Map
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		paths.Store(r.URL.Path, true)
		_, _ = io.WriteString(w, "no upgrade here")
	}, "upgrade_configs: [{upgrade_type: echo}]")
	answer := raw(t, port, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"+
		"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || strings.Count(answer, "HTTP/1.1") != 1 {
		t.Errorf("%q", answer)
	}
	if _, found := paths.Load("/smuggled"); found {
		t.Error("the upstream saw /smuggled")
	}
}

// As the JDK's client sends it with every request.
func TestAnOfferOfH2cIsIgnored(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
			if value := r.Header.Get(name); value != "" {
				t.Errorf("%s: %s reached the upstream", name, value)
			}
		}
		_, _ = io.Copy(w, r.Body)
	})
	answer := raw(t, port, "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"+
		"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 4\r\n\r\nbody")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.HasSuffix(answer, "body") {
		t.Errorf("%q", answer)
	}
}

func TestRoutesLocally(t *testing.T) {
	port := freePort(t)
	start(t, httpConfig(port, []string{
		"{match: {prefix: /direct}, direct_response: {status: 418, body: {inline_string: teapot}}}",
		"{match: {prefix: /moved}, redirect: {path_redirect: /there, response_code: FOUND}}",
		"{match: {prefix: /gone}, route: {cluster_header: x-cluster}}",
	}, nil), port)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]string{
		"/direct": "418 teapot ", "/moved": "302  http://127.0.0.1", "/gone": "503  ", "/nothing": "404  ",
	} {
		response, err := client.Get(url(port, path))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		got := fmt.Sprintf("%d %s %s", response.StatusCode, body, response.Header.Get("Location"))
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, expected %q", path, got, want)
		}
	}
}

func TestUpstreamFailures(t *testing.T) {
	closer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	go func() { // reads a request and hangs up
		for {
			connection, err := closer.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 4096))
			connection.Close()
		}
	}()
	release := make(chan struct{})
	slow := backend(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	bad, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	go func() {
		for {
			connection, err := bad.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 4096))
			fmt.Fprint(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
		}
	}()
	port := freePort(t)
	start(t, httpConfig(port, []string{
		"{match: {prefix: /refused}, route: {cluster: refused}}",
		"{match: {prefix: /closed}, route: {cluster: closed}}",
		"{match: {prefix: /slow}, route: {cluster: slow, timeout: 0.2s}}",
		"{match: {prefix: /bad}, route: {cluster: bad}}",
		"{match: {prefix: /empty}, route: {cluster: empty}}",
	}, []string{
		staticCluster("refused", "", fmt.Sprintf("127.0.0.1:%d", freePort(t))),
		staticCluster("closed", "", closer.Addr().String()),
		staticCluster("slow", "", slow),
		staticCluster("bad", "", bad.Addr().String()),
		staticCluster("empty", ""),
	}), port)
	for path, want := range map[string]string{
		"/refused": "503 upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: Connection refused",
		"/closed":  "503 upstream connect error or disconnect/reset before headers. reset reason: connection termination",
		"/slow":    "504 upstream request timeout",
		"/bad":     "502 upstream connect error or disconnect/reset before headers. reset reason: protocol error",
		"/empty":   "503 no healthy upstream",
	} {
		response, err := http.Get(url(port, path))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if got := fmt.Sprintf("%d %s", response.StatusCode, body); got != want {
			t.Errorf("%s: %q, expected %q", path, got, want)
		}
	}
}

func TestResetsOnBothSidesLeaveOthersAlone(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" { // a response cut short
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(make([]byte, 1000))
			w.(http.Flusher).Flush()
			connection, _, _ := w.(http.Hijacker).Hijack()
			_ = connection.(*net.TCPConn).SetLinger(0)
			connection.Close()
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "fine")
	})
	for i := 0; i < 50; i++ {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nsome")
		_ = connection.(*net.TCPConn).SetLinger(0)
		connection.Close() // a reset in the middle of the body
		if response, err := http.Get(url(port, "/cut")); err == nil {
			if _, err = io.ReadAll(response.Body); err == nil {
				t.Error("a response that was cut short looked complete")
			}
			response.Body.Close()
		}
		response, err := http.Get(url(port, "/"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != "fine" {
			t.Fatalf("%q", body)
		}
	}
}

func TestSubsetsFollowRouteMetadata(t *testing.T) {
	var endpoints []string
	for _, site := range []string{"s1", "s2", "s3"} {
		address := backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, site) })
		host, port, _ := net.SplitHostPort(address)
		endpoints = append(endpoints, fmt.Sprintf(
			"{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}, metadata: {filter_metadata: {envoy.lb: {site: %s}}}}", host, port, site))
	}
	port := freePort(t)
	start(t, httpConfig(port, []string{
		"{match: {prefix: /two}, route: {cluster: sites, metadata_match: {filter_metadata: {envoy.lb: {site: s2}}}}}",
		"{match: {prefix: /}, route: {cluster: sites}}",
	}, []string{fmt.Sprintf("{name: sites, type: STATIC, lb_subset_config: {fallback_policy: ANY_ENDPOINT, subset_selectors: [{keys: [site]}]}, load_assignment: {cluster_name: sites, endpoints: [{lb_endpoints: [%s]}]}}",
		strings.Join(endpoints, ", "))}), port)
	seen := map[string]int{}
	for i := 0; i < 60; i++ {
		for _, path := range []string{"/two", "/any"} {
			response, err := http.Get(url(port, path))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			seen[path+" "+string(body)]++
		}
	}
	if seen["/two s2"] != 60 || seen["/any s1"] == 0 || seen["/any s2"] == 0 || seen["/any s3"] == 0 {
		t.Fatalf("%v", seen)
	}
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	entered := make(chan struct{})
	release := make(chan struct{})
	port := freePort(t)
	address := backend(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		fmt.Fprint(w, "finished")
	})
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
		[]string{staticCluster("site", "", address)}), port)
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get(url(port, "/"))
		if err != nil {
			answer <- err.Error()
			return
		}
		body, _ := io.ReadAll(response.Body)
		answer <- fmt.Sprintf("%s %v", body, response.Close)
	}()
	<-entered
	_ = m.cmd.Process.Signal(sigterm)
	until := time.Now().Add(deadline)
	for { // it stops accepting first
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			break
		}
		connection.Close()
		if time.Now().After(until) {
			t.Fatal("still accepts")
		}
		time.Sleep(5 * time.Millisecond)
	}
	close(release)
	if got := <-answer; got != "finished true" {
		t.Fatalf("%q", got)
	}
}

func TestAbsoluteFormNamesTheHost(t *testing.T) {
	seen := make(chan string, 10)
	handler := func(_ http.ResponseWriter, r *http.Request) { seen <- r.Host + " " + r.RequestURI }
	port := forwarding(t, handler)
	answer := raw(t, port, "GET http://other.test/a?b=c HTTP/1.1\r\nHost: ignored.test\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Fatalf("%q", answer)
	}
	if found := <-seen; found != "other.test /a?b=c" {
		t.Errorf("found %q; the URL wins over Host (RFC 9112 section 3.2.2)", found)
	}
	strict := forwarding(t, handler, "http_protocol_options: {allow_absolute_url: false}")
	answer = raw(t, strict, "GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || len(seen) != 0 {
		t.Errorf("%q", answer)
	}
}

func TestConnectMakesATunnel(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() { // an upstream proxy: takes CONNECT, then echoes
		for {
			connection, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				reader := bufio.NewReader(connection)
				request, err := http.ReadRequest(reader)
				if err != nil || request.Method != http.MethodConnect {
					t.Errorf("%v %v", request, err)
					return
				}
				fmt.Fprint(connection, "HTTP/1.1 200 OK\r\n\r\n")
				_, _ = io.Copy(connection, reader)
			}()
		}
	}()
	port := freePort(t)
	start(t, httpConfig(port, []string{"{match: {connect_matcher: {}}, route: {cluster: site}}"},
		[]string{staticCluster("site", "", echo.Addr().String())}, "upgrade_configs: [{upgrade_type: CONNECT}]"), port)
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	fmt.Fprint(connection, "CONNECT target.test:443 HTTP/1.1\r\nHost: target.test:443\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("%v %v", response, err)
	}
	fmt.Fprint(connection, "through the tunnel\n")
	if line, err := reader.ReadString('\n'); err != nil || line != "through the tunnel\n" {
		t.Fatalf("%q %v", line, err)
	}
	_ = connection.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(reader); err != nil || len(rest) != 0 {
		t.Errorf("after the end: %q %v", rest, err)
	}
}

func TestStrictDNSResolvesNames(t *testing.T) {
	_, siteText, _ := net.SplitHostPort(backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "found") }))
	cluster := func(name, host string) string {
		return fmt.Sprintf("{name: %s, type: STRICT_DNS, dns_lookup_family: V4_ONLY, load_assignment: {cluster_name: %s, endpoints: [{lb_endpoints: "+
			"[{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]}}", name, name, host, siteText)
	}
	port := freePort(t)
	start(t, httpConfig(port, []string{"{match: {prefix: /none}, route: {cluster: none}}", "{match: {prefix: /}, route: {cluster: site}}"},
		[]string{cluster("site", "localhost"), cluster("none", "no-such-host.invalid")}), port)
	response, err := http.Get(url(port, "/"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if string(body) != "found" {
		t.Errorf("%d %q", response.StatusCode, body)
	}
	response, err = http.Get(url(port, "/none"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 503 {
		t.Errorf("a name that does not resolve: %d", response.StatusCode)
	}
}
