package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// version is what one side of moe speaks in a test.
type version string

const (
	h1 version = "HTTP/1.1"
	h2 version = "HTTP/2.0"
)

func (v version) protocols() *http.Protocols {
	var protocols http.Protocols
	if v == h2 {
		protocols.SetUnencryptedHTTP2(true)
	} else {
		protocols.SetHTTP1(true)
	}
	return &protocols
}

// client speaks one version and keeps its connections to itself.
func (v version) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: v.protocols(), MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: deadline}
}

// backend answers in one version only.
func (v version) backend(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = v.protocols()
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

const http2Upstream = `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: ` +
	`{"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http2_protocol_options: {allow_connect: true}}}}, `

const http1Trailers = `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: ` +
	`{"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {enable_trailers: true}}}}, `

// cluster lets trailers pass, whatever the version.
func (v version) cluster(name, address string) string {
	if v == h2 {
		return staticCluster(name, http2Upstream, address)
	}
	return staticCluster(name, http1Trailers, address)
}

// translating is moe before an upstream of a version; any client may come.
func translating(t *testing.T, upstream version, handler http.HandlerFunc, options ...string) int {
	t.Helper()
	port := freePort(t)
	options = append([]string{"http_protocol_options: {enable_trailers: true}"}, options...)
	start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site, timeout: 0s}}"},
		[]string{upstream.cluster("site", upstream.backend(t, handler))}, options...), port)
	return port
}

// everyPair runs a test for each pair of versions.
func everyPair(t *testing.T, test func(t *testing.T, down, up version)) {
	for _, down := range []version{h1, h2} {
		for _, up := range []version{h1, h2} {
			t.Run(fmt.Sprintf("%s to %s", down, up), func(t *testing.T) { test(t, down, up) })
		}
	}
}

func TestMessagesPassBetweenVersions(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		port := translating(t, up, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			expect(t, "version upstream", r.Proto, up)
			for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Proxy-Connection"} {
				if value := r.Header.Get(name); value != "" {
					t.Errorf("%s: %s reached the upstream", name, value)
				}
			}
			w.Header().Set("Trailer", "X-After")
			w.Header().Set("X-Seen", strings.Join([]string{r.Method, r.URL.String(), r.Host, r.Header.Get("Cookie"), r.Header.Get("Te"), r.Trailer.Get("X-Sent")}, "|"))
			w.Header().Add("Set-Cookie", "a=1")
			w.Header().Add("Set-Cookie", "b=2")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write(bytes.ToUpper(body))
			w.Header().Set("X-After", "later")
		})
		request, _ := http.NewRequest("POST", url(port, "/a?b=c"), struct{ io.Reader }{strings.NewReader("body")})
		request.Host = "example.test:8080"
		request.Header.Set("Te", "trailers")
		request.Header.Set("Cookie", "x=1; y=2")
		request.Trailer = http.Header{"X-Sent": []string{"trailer"}}
		response, err := down.client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		expect(t, "error", err, nil)
		expect(t, "version", response.Proto, down)
		expect(t, "status", response.StatusCode, 201)
		expect(t, "body", string(body), "BODY")
		expect(t, "request", response.Header.Get("X-Seen"), "POST|/a?b=c|example.test:8080|x=1; y=2|trailers|trailer")
		expect(t, "set-cookie", response.Header["Set-Cookie"], []string{"a=1", "b=2"})
		expect(t, "trailer", response.Trailer.Get("X-After"), "later")
	})
}

func TestMessagesWithoutBodiesPassBetweenVersions(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		port := translating(t, up, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/head":
				w.Header().Set("Content-Length", "1234")
			case "/none":
				w.WriteHeader(http.StatusNoContent)
			case "/same":
				w.Header().Set("Etag", `"x"`)
				w.WriteHeader(http.StatusNotModified)
			case "/early":
				w.Header().Set("Link", "</style.css>")
				w.WriteHeader(http.StatusEarlyHints)
				_, _ = io.WriteString(w, "final")
			}
		}, "proxy_100_continue: true")
		client := down.client(t)
		for _, c := range []struct {
			method, path string
			status       int
			length       int64
			body         string
		}{{"HEAD", "/head", 200, 1234, ""}, {"GET", "/none", 204, 0, ""}, {"GET", "/same", 304, -1, ""}, {"GET", "/early", 200, -1, "final"}} {
			request, _ := http.NewRequest(c.method, url(port, c.path), nil)
			response, err := client.Do(request)
			if err != nil {
				t.Fatalf("%s: %v", c.path, err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			expect(t, c.path+" error", err, nil)
			expect(t, c.path+" status", response.StatusCode, c.status)
			expect(t, c.path+" body", string(body), c.body)
			if c.length > 0 {
				expect(t, c.path+" length", response.ContentLength, c.length)
			}
		}
	})
}

func TestLargeBodiesPassBetweenVersions(t *testing.T) {
	payload := make([]byte, 20<<20)
	rand.New(rand.NewSource(1)).Read(payload)
	sum := fmt.Sprintf("%x", sha256.Sum256(payload))
	everyPair(t, func(t *testing.T, down, up version) {
		port := translating(t, up, func(w http.ResponseWriter, r *http.Request) {
			hash := sha256.New()
			data, err := io.ReadAll(io.TeeReader(r.Body, hash))
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("X-Hash", fmt.Sprintf("%x", hash.Sum(nil)))
			for len(data) > 0 {
				n := min(len(data), 70_001)
				_, _ = w.Write(data[:n])
				data = data[n:]
			}
		})
		for _, body := range []io.Reader{bytes.NewReader(payload), struct{ io.Reader }{bytes.NewReader(payload)}} {
			response, err := down.client(t).Post(url(port, "/"), "application/octet-stream", body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || !bytes.Equal(got, payload) || response.Header.Get("X-Hash") != sum {
				t.Fatalf("%v, %d of %d bytes", err, len(got), len(payload))
			}
		}
	})
}

func TestStreamsShareAConnection(t *testing.T) {
	var connections sync.Map
	var now, most atomic.Int64
	release := make(chan struct{})
	port := freePort(t)
	address := h2.backend(t, func(w http.ResponseWriter, r *http.Request) {
		connections.Store(r.RemoteAddr, true)
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
			if n == 100 {
				close(release)
			}
		}
		<-release
		defer now.Add(-1)
		_, _ = io.WriteString(w, r.URL.Path)
	})
	start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{h2.cluster("site", address)}), port)
	client := h2.client(t)
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			path := fmt.Sprintf("/%d", i)
			response, err := client.Get(url(port, path))
			if err != nil {
				t.Error(err)
				return
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			expect(t, "body", string(body), path)
		}()
	}
	group.Wait()
	count := 0
	connections.Range(func(any, any) bool { count++; return true })
	if count != 1 || most.Load() != 100 {
		t.Errorf("%d connections, %d requests at a time; expected 1 and 100", count, most.Load())
	}
}

func TestACancelledStreamLeavesOthersAlone(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		entered := make(chan struct{}, 100)
		gone := make(chan struct{}, 100)
		port := translating(t, up, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hang" {
				_, _ = io.WriteString(w, "begun")
				w.(http.Flusher).Flush()
				entered <- struct{}{}
				<-r.Context().Done()
				gone <- struct{}{}
				return
			}
			_, _ = io.WriteString(w, "fine")
		})
		client := down.client(t)
		rounds := 10
		if down == h1 { // moe waits for a client that may only have closed its sending side
			rounds = 1
		}
		for i := 0; i < rounds; i++ {
			ctx, cancel := context.WithCancel(context.Background())
			request, _ := http.NewRequestWithContext(ctx, "GET", url(port, "/hang"), nil)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			<-entered
			cancel()
			response.Body.Close()
			select {
			case <-gone:
			case <-time.After(deadline):
				t.Fatal("the upstream was not told")
			}
			response, err = client.Get(url(port, "/"))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			expect(t, "body", string(body), "fine")
		}
	})
}

func TestHTTP2DrainFinishesWhatIsInFlight(t *testing.T) {
	entered := make(chan struct{})
	release := make(chan struct{})
	port := freePort(t)
	address := h2.backend(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "finished")
	})
	m := start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
		[]string{h2.cluster("site", address)}, "drain_timeout: 0.1s"), port)
	answer := make(chan string, 1)
	client := h2.client(t)
	go func() {
		response, err := client.Get(url(port, "/"))
		if err != nil {
			answer <- err.Error()
			return
		}
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	<-entered
	_ = m.cmd.Process.Signal(sigterm)
	eventually(t, func() string {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return ""
		}
		connection.Close()
		return "still accepts"
	})
	close(release)
	expect(t, "answer", <-answer, "finished")
	select { // its last connection has ended
	case err := <-m.done:
		m.done <- err
		expect(t, "end", err, nil)
	case <-time.After(deadline):
		t.Error("moe waits for a connection that has nothing to do")
	}
}

func TestGoFiltersWorkInHTTP2(t *testing.T) {
	port := freePort(t)
	start(t, httpConfigWith([]string{goFilter(pluginPath(t), "")}, port, []string{allToSite},
		[]string{h2.cluster("site", h2.backend(t, echo))}), port)
	client := h2.client(t)
	body := strings.Repeat("abcdefgh", 1<<17)
	for mode, want := range map[string]string{"body": strings.ToUpper(body), "body-async": strings.ToUpper(body) + "!", "async-both": body} {
		request, _ := http.NewRequest("POST", url(port, "/"), strings.NewReader(body))
		request.Header.Set("X-Mode", mode)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(text) != want {
			t.Errorf("%s: %v, status %d, %d bytes of %d", mode, err, response.StatusCode, len(text), len(want))
		}
	}
	request, _ := http.NewRequest("GET", url(port, "/"), nil)
	request.Header.Set("X-Mode", "deny-later")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	expect(t, "a reply from a goroutine", response.StatusCode, 418)
}

// grpc-go's server waits for ever for the end of a stream that its headers ended, where a client had sent that
// end as an empty DATA frame.
func TestAnEndBehindItsHeadersStaysBehindThem(t *testing.T) {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	seen := make(chan string, 1)
	go func() {
		var frames []string
		defer func() { seen <- strings.Join(frames, " ") }()
		connection, err := upstream.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(deadline))
		_, _ = io.CopyN(io.Discard, connection, int64(len(http2.ClientPreface)))
		framer := http2.NewFramer(connection, connection)
		_ = framer.WriteSettings()
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			header := frame.Header()
			if header.StreamID == 0 {
				continue
			}
			frames = append(frames, fmt.Sprint(header.Type, header.Flags.Has(http2.FlagDataEndStream)))
			if header.Flags.Has(http2.FlagDataEndStream) {
				return
			}
		}
	}()
	port := freePort(t)
	start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
		[]string{h2.cluster("site", upstream.Addr().String())}), port)
	client, err := attack(port)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// In one write, so that the end is there before moe has an upstream connection.
	var both bytes.Buffer
	framer := http2.NewFramer(&both, nil)
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: client.block(), EndHeaders: true})
	_ = framer.WriteData(1, true, nil)
	if _, err := client.Write(both.Bytes()); err != nil {
		t.Fatal(err)
	}
	expect(t, "frames", <-seen, "HEADERS false DATA true")
}
