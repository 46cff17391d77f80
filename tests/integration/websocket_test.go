package integration

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/gorilla/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// both makes one stream of a reader and a writer.
type both struct {
	io.Reader
	io.Writer
}

// flushing sends what is written at once.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	f.ResponseWriter.(http.Flusher).Flush()
	return n, err
}

const closeCode = 4321

// echoWebSocket is an upstream: gorilla's server in HTTP/1, gobwas's frames on a stream in HTTP/2.
// Each sends every message back, and closes with closeCode when it is told "bye".
func echoWebSocket(t *testing.T, v version) http.HandlerFunc {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	if v == h1 {
		return func(w http.ResponseWriter, r *http.Request) {
			connection, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer connection.Close()
			for {
				kind, message, err := connection.ReadMessage()
				if err != nil {
					t.Error(err)
					return
				}
				if string(message) == "bye" {
					_ = connection.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(closeCode, "enough"))
					_, _, _ = connection.ReadMessage()
					return
				}
				if err := connection.WriteMessage(kind, message); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get(":protocol") != "websocket" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		stream := both{r.Body, flushing{w}}
		for {
			message, op, err := wsutil.ReadClientData(stream) // answers pings itself
			if err != nil {
				t.Error(err)
				return
			}
			if string(message) == "bye" {
				_ = ws.WriteFrame(stream, ws.NewCloseFrame(ws.NewCloseFrameBody(closeCode, "enough")))
				return
			}
			if err := wsutil.WriteServerMessage(stream, op, message); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// openWebSocket connects through moe with gobwas's client: by Upgrade, or by extended CONNECT (RFC 8441).
func openWebSocket(t *testing.T, v version, port int) io.ReadWriter {
	t.Helper()
	if v == h1 {
		connection, reader, _, err := ws.Dial(context.Background(), fmt.Sprintf("ws://127.0.0.1:%d/chat", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { connection.Close() })
		if reader != nil {
			return both{io.MultiReader(io.LimitReader(reader, int64(reader.Buffered())), connection), connection}
		}
		return connection
	}
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	body, writer := io.Pipe()
	request, _ := http.NewRequest(http.MethodConnect, url(port, "/chat"), body)
	request.Header.Set(":protocol", "websocket")
	request.Header.Set("Sec-WebSocket-Version", "13")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
	t.Cleanup(func() { writer.Close(); response.Body.Close() })
	return both{response.Body, writer}
}

func TestWebSocketsPassBetweenVersions(t *testing.T) {
	everyPair(t, func(t *testing.T, down, up version) {
		port := translating(t, up, echoWebSocket(t, up), "upgrade_configs: [{upgrade_type: websocket}]", "http2_protocol_options: {allow_connect: true}")
		stream := openWebSocket(t, down, port)
		source := rand.New(rand.NewSource(7))
		for i := 0; i < 2500; i++ { // 10,000 over the four pairs
			size := source.Intn(200)
			if i%100 == 0 {
				size = source.Intn(300_000)
			}
			message := make([]byte, size)
			source.Read(message)
			if i%500 == 250 {
				if err := wsutil.WriteClientMessage(stream, ws.OpPing, []byte("there?")); err != nil {
					t.Fatal(err)
				}
				frame, err := ws.ReadFrame(stream)
				if err != nil || frame.Header.OpCode != ws.OpPong || string(frame.Payload) != "there?" {
					t.Fatalf("%+v %v", frame, err)
				}
			}
			if err := wsutil.WriteClientBinary(stream, message); err != nil {
				t.Fatal(err)
			}
			back, op, err := wsutil.ReadServerData(stream)
			if err != nil || op != ws.OpBinary || !bytes.Equal(back, message) {
				t.Fatalf("message %d: %v, %d bytes of %d", i, err, len(back), len(message))
			}
		}
		if err := wsutil.WriteClientText(stream, []byte("bye")); err != nil {
			t.Fatal(err)
		}
		frame, err := ws.ReadFrame(stream)
		if err != nil || frame.Header.OpCode != ws.OpClose {
			t.Fatalf("%+v %v", frame, err)
		}
		code, reason := ws.ParseCloseFrameData(frame.Payload)
		expect(t, "close", fmt.Sprint(code, reason), fmt.Sprint(closeCode, "enough"))
	})
}

// An HTTP/1 server that answers 200 does not switch; in HTTP/2 a 200 would say that it does.
func TestAnUpgradeThatIsNotTakenUpIsNoTunnel(t *testing.T) {
	port := translating(t, h1, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") },
		"upgrade_configs: [{upgrade_type: websocket}]", "http2_protocol_options: {allow_connect: true}")
	client, err := attack(port)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.blocks.Reset()
	for _, field := range [][2]string{{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}, {":protocol", "websocket"}} {
		_ = client.encode.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	_ = client.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: client.blocks.Bytes(), EndHeaders: true})
	client.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := client.framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if head, ok := frame.(*http2.MetaHeadersFrame); ok {
			expect(t, "status", head.PseudoValue("status"), "502")
			return
		}
	}
}
