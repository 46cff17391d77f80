package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostileCase is one message that a strict proxy must not misunderstand.
//
// The outcome of a request: the statuses that its sender gets, whether its connection is still good for
// another request (`open`) or not (`close`), and, behind semicolons, each whole request that reached the
// upstream: method, target, host, body. Of a response: the statuses and the body that the client gets, or
// `cut` if the connection ended before the answer did.
type hostileCase struct {
	name  string
	bytes string // as sent
	want  string // the outcome with moe
	rfc   string // the section that says so
	// More, for some:
	end  bool     // the sender ends its side after that
	asks string   // the request that gets this response, without its head's end
	see  []string // these headers are part of the outcome
}

// side runs the cases of one direction through one proxy.
type side struct {
	port     int
	upstream *rawUpstream
	patience time.Duration // no answer in this time is an outcome
}

const probeTarget, canaryTarget = "/probe", "/canary"

func hostileConfig(port int, upstream string) string {
	cluster := staticCluster("site", `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: `+
		`{"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, `+
		`explicit_http_config: {http_protocol_options: {enable_trailers: true}}}}, `, upstream)
	return httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{cluster},
		"http_protocol_options: {enable_trailers: true, accept_http_10: true}",
		"use_remote_address: true", "normalize_path: true", "delayed_close_timeout: 0.1s")
}

// answerOf tells whose response it is.
func answerOf(request seenRequest) (string, bool) {
	body := request.target
	if request.method == "HEAD" {
		body = ""
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Target: %s\r\nContent-Length: %d\r\n\r\n%s", request.target, len(request.target), body), false
}

// startSide runs the proxy in front of a raw upstream; one worker, so that one thing happens after another.
func startSide(t *testing.T, program string, patience time.Duration, responses []hostileCase) side {
	t.Helper()
	upstream := startRawUpstream(t, func(request seenRequest) (string, bool) {
		if number, found := strings.CutPrefix(request.target, "/hostile/"); found {
			if i, err := strconv.Atoi(number); err == nil && i < len(responses) {
				return responses[i].bytes, responses[i].end
			}
		}
		return answerOf(request)
	})
	port := freePort(t)
	arguments := []string{"--concurrency", "1", "-l", "error"}
	if program != binary(t) {
		arguments = append(arguments, "--disable-hot-restart")
	}
	startProgram(t, program, arguments, hostileConfig(port, upstream.address()), port)
	return side{port: port, upstream: upstream, patience: patience}
}

func (s side) dial(t *testing.T) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	_ = connection.SetDeadline(time.Now().Add(s.patience))
	return connection.(*net.TCPConn), bufio.NewReader(connection)
}

// canary asks on a connection of its own: the proxy still serves, and its answer is for this request.
func (s side) canary(t *testing.T) {
	t.Helper()
	connection, reader := s.dial(t)
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", canaryTarget)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("the next request: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != 200 || string(body) != canaryTarget || err != nil {
		t.Errorf("the next request got %d %q %v", response.StatusCode, body, err)
	}
}

// request sends a case's bytes as a client and tells the outcome.
func (s side) request(t *testing.T, c hostileCase) string {
	t.Helper()
	connection, reader := s.dial(t)
	defer connection.Close()
	// A proxy may answer and close before it has read everything: what it says counts.
	_, _ = io.WriteString(connection, c.bytes)
	if c.end {
		_ = connection.CloseWrite()
	}
	var outcome []string
	method, _, _ := strings.Cut(c.bytes, " ") // a HEAD is answered without a body
	asked := &http.Request{Method: method}
	state, probed := "close", c.end
	for {
		response, err := http.ReadResponse(reader, asked)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			state = "waits"
		}
		if err != nil {
			if state != "waits" && !isEnd(err) {
				state = "unreadable"
			}
			break
		}
		if response.Header.Get("X-Target") == probeTarget {
			state = "open"
			break
		}
		outcome = append(outcome, strconv.Itoa(response.StatusCode))
		if !probed && !response.Close && response.StatusCode >= 200 {
			probed, asked = true, nil
			fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n", probeTarget)
		}
	}
	connection.Close()
	s.canary(t)
	seen, dangling := s.upstream.take(t)
	for _, rest := range dangling {
		t.Errorf("the upstream waits for more behind %s", rest)
	}
	outcome = []string{strings.Join(append(outcome, state), " ")}
	for _, request := range seen {
		request.checkUnambiguous(t)
		if (request.target == canaryTarget && request.host == "h") || (request.target == probeTarget && request.host == "probe") {
			continue
		}
		outcome = append(outcome, request.describe(c.see))
	}
	return strings.Join(outcome, "; ")
}

func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// checkUnambiguous: no server, however naive, could find other lines or another end in this head.
func (r seenRequest) checkUnambiguous(t *testing.T) {
	t.Helper()
	framing := len(r.values("content-length")) + len(r.values("transfer-encoding"))
	clear := len(r.values("host")) == 1 && framing <= 1
	for _, line := range strings.Split(strings.TrimSuffix(r.head, "\r\n"), "\r\n")[1:] {
		name, _, found := strings.Cut(line, ":")
		clear = clear && found && name != "" && !strings.ContainsAny(name, " \t") && !strings.ContainsAny(line, "\r\n\x00")
	}
	if !clear {
		t.Errorf("the upstream got a head that is not clear: %q", r.head)
	}
}

func (r seenRequest) describe(see []string) string {
	text := fmt.Sprintf("%s %s %s", shorten(r.method), shorten(r.target), r.host)
	if r.body != "" {
		text += fmt.Sprintf(" %q", shorten(r.body))
	}
	for _, name := range see {
		text += fmt.Sprintf(" %s=%q", name, fieldValues(r.head, name))
	}
	if len(r.trailers) > 0 {
		text += fmt.Sprintf(" trailers %q", r.trailers)
	}
	return text
}

func shorten(text string) string {
	if len(text) <= 80 {
		return text
	}
	return fmt.Sprintf("%s... (%d bytes)", text[:8], len(text))
}

// response asks for a case's bytes and tells what the client gets.
func (s side) response(t *testing.T, i int, c hostileCase) string {
	t.Helper()
	connection, reader := s.dial(t)
	defer connection.Close()
	asks := c.asks
	if asks == "" {
		asks = "GET %s HTTP/1.1\r\nHost: h\r\n"
	}
	fmt.Fprintf(connection, asks+"\r\n", fmt.Sprintf("/hostile/%d", i))
	method, _, _ := strings.Cut(asks, " ")
	outcome := s.readResponse(t, connection, reader, method, c.see)
	connection.Close()
	s.canary(t)
	seen, dangling := s.upstream.take(t)
	for _, rest := range dangling {
		t.Errorf("the upstream waits for more behind %s", rest)
	}
	for _, request := range seen {
		if request.target != canaryTarget && request.target != probeTarget && !strings.HasPrefix(request.target, "/hostile/") {
			t.Errorf("the upstream got %s", request.describe(nil))
		}
	}
	return outcome
}

func (s side) readResponse(t *testing.T, connection net.Conn, reader *bufio.Reader, method string, see []string) string {
	t.Helper()
	var outcome []string
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		var body []byte
		if err == nil && (response.StatusCode >= 200 || response.StatusCode == 101) {
			body, err = io.ReadAll(response.Body)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "waits"
		}
		if isEnd(err) {
			return "cut" // how much of it came before is a matter of packets
		}
		if err != nil {
			return "unreadable"
		}
		outcome = append(outcome, strconv.Itoa(response.StatusCode))
		if response.StatusCode < 200 && response.StatusCode != 101 {
			continue
		}
		if response.StatusCode < 500 && len(body) > 0 {
			outcome = append(outcome, fmt.Sprintf("%q", shorten(string(body))))
		}
		for _, name := range see {
			outcome = append(outcome, fmt.Sprintf("%s=%q", name, response.Header.Values(name)))
		}
		if len(response.Trailer) > 0 {
			outcome = append(outcome, fmt.Sprintf("trailers %v", response.Trailer))
		}
		if !response.Close {
			s.probe(t, connection, reader)
		}
		return strings.Join(outcome, " ")
	}
}

// probe asks again on a connection that the proxy keeps: nothing may be left of the answer before.
func (s side) probe(t *testing.T, connection net.Conn, reader *bufio.Reader) {
	t.Helper()
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: probe\r\n\r\n", probeTarget)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Errorf("the next request on this connection: %v", err)
		return
	}
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != probeTarget {
		t.Errorf("the next request on this connection got %d %q %v", response.StatusCode, body, err)
	}
}

func TestHostileRequests(t *testing.T) {
	if len(hostileRequests) < 90 {
		t.Errorf("only %d cases", len(hostileRequests))
	}
	s := startSide(t, binary(t), deadline, nil)
	for _, c := range hostileRequests {
		t.Run(c.name, func(t *testing.T) {
			if got := s.request(t, c); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.rfc, got, c.want)
			}
		})
	}
}

func TestHostileResponses(t *testing.T) {
	if len(hostileResponses) < 40 {
		t.Errorf("only %d cases", len(hostileResponses))
	}
	s := startSide(t, binary(t), deadline, hostileResponses)
	for i, c := range hostileResponses {
		t.Run(c.name, func(t *testing.T) {
			if got := s.response(t, i, c); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.rfc, got, c.want)
			}
		})
	}
}
