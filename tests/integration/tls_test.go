package integration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for one test.
type authority struct {
	t      *testing.T
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	pool   *x509.CertPool
	ca     string // file
}

// identity is a certificate with its key, for Go and as files for moe.
type identity struct {
	tls.Certificate
	chain, key string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, folder: t.TempDir(), pool: x509.NewCertPool()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.pool.AddCert(a.cert)
	a.ca = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.folder, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate for localhost (name and addresses) with one URI.
func (a *authority) issue(name string, change ...func(*x509.Certificate)) *identity {
	a.t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	uri, _ := neturl.Parse("spiffe://mesh/" + name)
	template := &x509.Certificate{SerialNumber: big.NewInt(0xabcd), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), URIs: []*neturl.URL{uri}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, f := range change {
		f(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDer, _ := x509.MarshalPKCS8PrivateKey(key)
	return &identity{Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		chain: a.write(name+".pem", "CERTIFICATE", der), key: a.write(name+".key", "PRIVATE KEY", keyDer)}
}

// common is a CommonTlsContext's fields in flow style; own and trusted may be missing.
func common(own *identity, trusted *authority, more string) string {
	var fields []string
	if own != nil {
		fields = append(fields, fmt.Sprintf("tls_certificates: [{certificate_chain: {filename: %q}, private_key: {filename: %q}}]", own.chain, own.key))
	}
	if trusted != nil {
		fields = append(fields, fmt.Sprintf("validation_context: {trusted_ca: {filename: %q}}", trusted.ca))
	}
	if more != "" {
		fields = append(fields, more)
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

func downstreamSocket(commonContext, more string) string {
	return fmt.Sprintf(`transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: %s%s}}`,
		commonContext, more)
}

func upstreamSocket(commonContext, more string) string {
	return fmt.Sprintf(`transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: %s%s}}, `,
		commonContext, more)
}

// withSocket puts a transport socket (and other fields, each its own line) into the only filter chain of a configuration.
func withSocket(config string, lines ...string) string {
	return strings.Replace(config, "    filter_chains:\n    - filters:", "    filter_chains:\n    - "+strings.Join(lines, "\n      ")+"\n      filters:", 1)
}

// tlsClient offers one version by ALPN.
func (v version) tlsClient(t *testing.T, config *tls.Config) *http.Client {
	t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(v == h1)
	protocols.SetHTTP2(v == h2)
	config = config.Clone()
	if v == h1 {
		config.NextProtos = []string{"http/1.1"}
	}
	transport := &http.Transport{Protocols: &protocols, TLSClientConfig: config, MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: deadline}
}

// tlsBackend speaks TLS and, of what the client offers, one version.
func (v version) tlsBackend(t *testing.T, config *tls.Config, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = v == h2
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func fetchBy(t *testing.T, client *http.Client, target string) (*http.Response, string) {
	t.Helper()
	response, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func https(port int, path string) string { return fmt.Sprintf("https://127.0.0.1:%d%s", port, path) }

const toLog = `access_log: [{name: log, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, ` +
	`log_format: {text_format_source: {inline_string: "LOG %s\n"}}}}]`

func logs(format string) string { return fmt.Sprintf(toLog, format) }

func (m *moe) logged(t *testing.T, line string) {
	t.Helper()
	eventually(t, func() string {
		if strings.Contains(m.output.String(), "LOG "+line+"\n") {
			return ""
		}
		return fmt.Sprintf("no line %q in\n%s", line, m.output)
	})
}

func TestServesHTTPSByALPN(t *testing.T) {
	ca := newAuthority(t, "root")
	site := backend(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %q", r.Header.Get("X-Forwarded-Proto"), r.Header["X-Forwarded-Client-Cert"])
	})
	port, admin := freePort(t), freePort(t)
	m := start(t, withAdmin(admin, withSocket(
		httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site", "", site)},
			logs("%PROTOCOL% %DOWNSTREAM_TLS_VERSION% [%DOWNSTREAM_PEER_SUBJECT%] %DOWNSTREAM_LOCAL_URI_SAN%")),
		downstreamSocket(common(ca.issue("edge"), nil, "alpn_protocols: [h2, http/1.1]"), ""))), port, admin)
	for _, v := range []version{h1, h2} {
		client := v.tlsClient(t, &tls.Config{RootCAs: ca.pool})
		for range 3 { // on one connection
			response, body := fetchBy(t, client, https(port, "/"))
			expect(t, "status", response.StatusCode, 200)
			expect(t, "protocol", response.Proto, v)
			expect(t, "alpn", response.TLS.NegotiatedProtocol, map[version]string{h1: "http/1.1", h2: "h2"}[v])
			expect(t, "body", body, "https []")
		}
	}
	m.logged(t, "HTTP/1.1 TLSv1.3 [-] spiffe://mesh/edge")
	m.logged(t, "HTTP/2 TLSv1.3 [-] spiffe://mesh/edge")
	scope := fmt.Sprintf("listener.127.0.0.1_%d.ssl.", port)
	expect(t, "handshakes", counterOf(t, admin, scope+"handshake"), "2")
	expect(t, "without certificate", counterOf(t, admin, scope+"no_certificate"), "2")
	expect(t, "versions", counterOf(t, admin, scope+"versions.TLSv1.3"), "2")
}

func TestSpeaksOldTLSAndRefusesOlder(t *testing.T) {
	ca := newAuthority(t, "root")
	site := backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	port := freePort(t)
	start(t, withSocket(httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site", "", site)}),
		downstreamSocket(common(ca.issue("edge"), nil, ""), "")), port)
	response, body := fetchBy(t, h1.tlsClient(t, &tls.Config{RootCAs: ca.pool, MaxVersion: tls.VersionTLS12}), https(port, "/"))
	expect(t, "body", body, "ok")
	expect(t, "version", response.TLS.Version, tls.VersionTLS12)
	_, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{RootCAs: ca.pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestMutualTLSTellsTheNextHopWhoCame(t *testing.T) {
	ca, other := newAuthority(t, "root"), newAuthority(t, "other")
	site := backend(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Header["X-Forwarded-Client-Cert"])
	})
	port, admin := freePort(t), freePort(t)
	m := start(t, withAdmin(admin, withSocket(
		httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site", "", site)},
			"forward_client_cert_details: SANITIZE_SET", "set_current_client_cert_details: {uri: true, subject: true}",
			logs("%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_SERIAL% %DOWNSTREAM_PEER_ISSUER%")),
		downstreamSocket(common(ca.issue("edge"), ca, "alpn_protocols: [h2, http/1.1]"), ", require_client_certificate: true"))), port, admin)
	client := ca.issue("client")
	hash := fmt.Sprintf("%x", sha256.Sum256(client.Certificate.Certificate[0]))
	want := fmt.Sprintf("%q", []string{"By=spiffe://mesh/edge;Hash=" + hash + ";Subject=\"CN=client\";URI=spiffe://mesh/client"})
	for _, v := range []version{h1, h2} {
		request, _ := http.NewRequest("GET", https(port, "/"), nil)
		request.Header.Set("X-Forwarded-Client-Cert", "URI=spiffe://admin")
		response, err := v.tlsClient(t, &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{client.Certificate}}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		expect(t, "x-forwarded-client-cert", string(body), want)
	}
	m.logged(t, "spiffe://mesh/client abcd CN=root")
	scope := fmt.Sprintf("listener.127.0.0.1_%d.ssl.", port)
	for name, bad := range map[string]struct {
		config  *tls.Config
		alert   string
		counter string
	}{
		"none": {&tls.Config{RootCAs: ca.pool}, "certificate required", "fail_verify_no_cert"},
		"unknown": {&tls.Config{RootCAs: ca.pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &other.issue("client").Certificate, nil
		}}, "unknown certificate authority", "fail_verify_error"},
	} {
		connection, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), bad.config)
		if err == nil { // in TLS 1.3 the client is done first
			_, err = connection.Read(make([]byte, 1))
			connection.Close()
		}
		if err == nil || !strings.Contains(err.Error(), bad.alert) {
			t.Errorf("%s: %v", name, err)
		}
		eventually(t, func() string {
			if found := counterOf(t, admin, scope+bad.counter); found != "1" {
				return bad.counter + " is " + found
			}
			return ""
		})
	}
	expect(t, "connection errors", counterOf(t, admin, scope+"connection_error"), "0")
}

func TestResumedSessionsKnowTheClient(t *testing.T) {
	ca := newAuthority(t, "root")
	site := backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Forwarded-Client-Cert")) })
	port := freePort(t)
	start(t, withSocket(
		httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site", "", site)},
			"forward_client_cert_details: SANITIZE_SET", "set_current_client_cert_details: {uri: true}"),
		downstreamSocket(common(ca.issue("edge"), ca, ""), ", require_client_certificate: true")), port)
	config := &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{ca.issue("client").Certificate}, ClientSessionCache: tls.NewLRUClientSessionCache(10)}
	var first string
	resumed := false
	for range 10 { // workers have the same ticket keys
		client := h1.tlsClient(t, config)
		response, body := fetchBy(t, client, https(port, "/"))
		client.CloseIdleConnections()
		resumed = resumed || response.TLS.DidResume
		if first == "" {
			first = body
		}
		expect(t, "certificate", body, first)
	}
	expect(t, "resumed", resumed, true)
	if !strings.HasPrefix(first, "By=spiffe://mesh/edge;Hash=") {
		t.Errorf("%q", first)
	}
}

const autoConfig = `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: ` +
	`{"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, auto_config: {}}}, `

func TestSpeaksTLSToHostsByALPN(t *testing.T) {
	ca := newAuthority(t, "root")
	host := ca.issue("host")
	for name, options := range map[string]string{"auto": autoConfig, "h1": "", "h2": http2Upstream} {
		for _, v := range []version{h1, h2} {
			if name != "auto" && name != map[version]string{h1: "h1", h2: "h2"}[v] {
				continue
			}
			t.Run(name+" "+string(v), func(t *testing.T) {
				site := v.tlsBackend(t, &tls.Config{Certificates: []tls.Certificate{host.Certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool},
					func(w http.ResponseWriter, r *http.Request) {
						fmt.Fprintf(w, "%s %s %s %s", r.Proto, r.TLS.ServerName, r.TLS.NegotiatedProtocol, r.TLS.PeerCertificates[0].URIs[0])
					})
				parameters, spoken := "", "TLSv1.2" // Envoy's default for clients
				if name == "auto" {
					parameters, spoken = "tls_params: {tls_maximum_protocol_version: TLSv1_3}", "TLSv1.3"
				}
				port, admin := freePort(t), freePort(t)
				m := start(t, withAdmin(admin, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
					[]string{staticCluster("site", options+upstreamSocket(common(ca.issue("proxy"), ca, parameters), ", sni: localhost"), site)},
					logs("%UPSTREAM_TLS_VERSION% %UPSTREAM_PEER_URI_SAN% %UPSTREAM_LOCAL_URI_SAN%"))), port, admin)
				alpn := map[version]string{h1: "http/1.1", h2: "h2"}[v]
				for range 4 {
					_, body := fetchBy(t, h1.client(t), url(port, "/"))
					expect(t, "body", body, fmt.Sprintf("%s localhost %s spiffe://mesh/proxy", v, alpn))
				}
				m.logged(t, spoken+" spiffe://mesh/host spiffe://mesh/proxy")
				expect(t, "errors", counterOf(t, admin, "cluster.site.ssl.connection_error"), "0")
				counter := map[version]string{h1: "upstream_cx_http1_total", h2: "upstream_cx_http2_total"}[v]
				if found := counterOf(t, admin, "cluster.site."+counter); found == "0" {
					t.Errorf("%s is 0", counter)
				}
			})
		}
	}
}

func TestManyRequestsAtOnceToHostsByALPN(t *testing.T) {
	ca := newAuthority(t, "root")
	host := ca.issue("host")
	for _, v := range []version{h1, h2} {
		t.Run(string(v), func(t *testing.T) {
			site := v.tlsBackend(t, &tls.Config{Certificates: []tls.Certificate{host.Certificate}}, func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(20 * time.Millisecond)
				fmt.Fprint(w, r.Proto)
			})
			port := freePort(t)
			start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
				[]string{staticCluster("site", autoConfig+upstreamSocket(common(nil, ca, ""), ""), site)}), port)
			client := h1.client(t)
			results := make(chan string, 100)
			for range cap(results) {
				go func() {
					response, err := client.Get(url(port, "/"))
					if err != nil {
						results <- err.Error()
						return
					}
					body, _ := io.ReadAll(response.Body)
					response.Body.Close()
					results <- string(body)
				}()
			}
			for range cap(results) {
				expect(t, "answer", <-results, v)
			}
		})
	}
}

func TestLargeBodiesOverTLSBothWays(t *testing.T) {
	ca := newAuthority(t, "root")
	identity := ca.issue("both")
	body := make([]byte, 4<<20+12345)
	rand.Read(body)
	sum := sha256.Sum256(body)
	for _, v := range []version{h1, h2} {
		t.Run(string(v), func(t *testing.T) {
			site := v.tlsBackend(t, &tls.Config{Certificates: []tls.Certificate{identity.Certificate}}, func(w http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				if sha256.Sum256(got) != sum {
					t.Errorf("request body: %d bytes, not what was sent", len(got))
				}
				w.Write(body)
			})
			port := freePort(t)
			start(t, withSocket(httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
				[]string{staticCluster("site", autoConfig+upstreamSocket(common(nil, ca, ""), ""), site)}),
				downstreamSocket(common(identity, nil, "alpn_protocols: [h2, http/1.1]"), "")), port)
			response, err := v.tlsClient(t, &tls.Config{RootCAs: ca.pool}).Post(https(port, "/"), "text/plain", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || sha256.Sum256(got) != sum {
				t.Errorf("response body: %d bytes (%v)", len(got), err)
			}
		})
	}
}

func TestFailuresOfUpstreamTLSAreNamed(t *testing.T) {
	ca, other := newAuthority(t, "root"), newAuthority(t, "other")
	handler := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "reached") }
	serve := func(i *identity) string {
		return h1.tlsBackend(t, &tls.Config{Certificates: []tls.Certificate{i.Certificate}}, handler)
	}
	for name, c := range map[string]struct {
		site, socket, reason, counter string
	}{
		"unknown authority": {serve(other.issue("host")), upstreamSocket(common(nil, ca, ""), ""), "CERTIFICATE_VERIFY_FAILED", "fail_verify_error"},
		"expired": {serve(ca.issue("old", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })),
			upstreamSocket(common(nil, ca, ""), ""), "CERTIFICATE_VERIFY_FAILED", "fail_verify_error"},
		"another name": {serve(ca.issue("host")), upstreamSocket(fmt.Sprintf("{validation_context: {trusted_ca: {filename: %q}, "+
			"match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: spiffe://mesh/wanted}}]}}", ca.ca), ""), "CERTIFICATE_VERIFY_FAILED", "fail_verify_san"},
		"no TLS": {backend(t, handler), upstreamSocket(common(nil, ca, ""), ""), "WRONG_VERSION_NUMBER", "connection_error"},
	} {
		t.Run(name, func(t *testing.T) {
			port, admin := freePort(t), freePort(t)
			m := start(t, withAdmin(admin, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site", c.socket, c.site)},
				logs("%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%"))), port, admin)
			response, body := fetchBy(t, h1.client(t), url(port, "/"))
			expect(t, "status", response.StatusCode, 503)
			start := "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: TLS_error:|"
			if !strings.HasPrefix(body, start) || !strings.Contains(body, c.reason) {
				t.Errorf("%q", body)
			}
			eventually(t, func() string {
				if !strings.Contains(m.output.String(), "LOG UF upstream_reset_before_response_started{remote_connection_failure") ||
					!strings.Contains(m.output.String(), c.reason) {
					return m.output.String()
				}
				return ""
			})
			expect(t, c.counter, counterOf(t, admin, "cluster.site.ssl."+c.counter), "1")
			expect(t, "connect failures", counterOf(t, admin, "cluster.site.upstream_cx_connect_fail"), "1")
		})
	}
}

// tcpConfig has one TCP proxy.
func tlsTCPConfig(port int, cluster string, more ...string) string {
	return fmt.Sprintf(`static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: tcp
        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: tcp, cluster: site%s}
  clusters:
  - %s
`, port, strings.Join(more, ""), cluster)
}

func TestTCPOverTLSEndsInOrder(t *testing.T) {
	ca := newAuthority(t, "root")
	identity := ca.issue("both")
	echo, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{identity.Certificate}})
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			connection, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				all, err := io.ReadAll(connection) // until close_notify
				if err == nil {
					_, _ = connection.Write(all)
				}
			}()
		}
	}()
	port := freePort(t)
	start(t, withSocket(tlsTCPConfig(port, staticCluster("site", upstreamSocket(common(nil, ca, ""), ""), echo.Addr().String())),
		downstreamSocket(common(identity, nil, ""), "")), port)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		connection, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{RootCAs: ca.pool, MaxVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		_ = connection.SetDeadline(time.Now().Add(deadline))
		message := bytes.Repeat([]byte("hello, "), 100_000)
		if _, err := connection.Write(message); err != nil {
			t.Fatal(err)
		}
		if err := connection.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(connection) // an error if close_notify is missing
		if err != nil || !bytes.Equal(got, message) {
			t.Errorf("%d bytes of %d: %v", len(got), len(message), err)
		}
		connection.Close()
	}
}

func TestClearTextOnATLSPortIsRefused(t *testing.T) {
	ca := newAuthority(t, "root")
	port, admin := freePort(t), freePort(t)
	start(t, withAdmin(admin, withSocket(httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil),
		downstreamSocket(common(ca.issue("edge"), nil, ""), ""))), port, admin)
	answer := raw(t, port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if len(answer) != 7 || answer[0] != 0x15 { // a fatal alert
		t.Errorf("%q", answer)
	}
	expect(t, "errors", counterOf(t, admin, fmt.Sprintf("listener.127.0.0.1_%d.ssl.connection_error", port)), "1")
	_, body := fetchBy(t, h1.tlsClient(t, &tls.Config{RootCAs: ca.pool}), https(port, "/"))
	expect(t, "the next", body, "")
}

func TestASilentHandshakeHasItsTime(t *testing.T) {
	ca := newAuthority(t, "root")
	port, admin := freePort(t), freePort(t)
	start(t, withAdmin(admin, withSocket(httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil),
		downstreamSocket(common(ca.issue("edge"), nil, ""), ""), "transport_socket_connect_timeout: 0.1s")), port, admin)
	eventually(t, func() string { // start() has looked whether it accepts
		if counterOf(t, admin, fmt.Sprintf("listener.127.0.0.1_%d.downstream_cx_active", port)) != "0" {
			return "a connection is left"
		}
		return ""
	})
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(deadline))
	if n, err := connection.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%d %v", n, err)
	}
	eventually(t, func() string {
		if counterOf(t, admin, fmt.Sprintf("listener.127.0.0.1_%d.downstream_cx_transport_socket_connect_timeout", port)) != "1" {
			return "not counted"
		}
		return ""
	})
}

func TestHostsChooseTheirTransportByMetadata(t *testing.T) {
	ca := newAuthority(t, "root")
	handler := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS != nil) }
	secret := h1.tlsBackend(t, &tls.Config{Certificates: []tls.Certificate{ca.issue("host").Certificate}}, handler)
	open := backend(t, handler)
	_, secretPort, _ := net.SplitHostPort(secret)
	_, openPort, _ := net.SplitHostPort(open)
	port := freePort(t)
	endpoint := func(port, metadata string) string {
		return fmt.Sprintf("{%sendpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}", metadata, port)
	}
	socket := strings.TrimSuffix(upstreamSocket(common(nil, ca, ""), ""), ", ")
	start(t, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{
		`{name: site, type: STATIC, transport_socket_matches: [{name: tls, match: {tlsMode: istio}, ` + socket + `}, ` +
			`{name: plain, match: {}, transport_socket: {name: raw, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}}], ` +
			`load_assignment: {cluster_name: site, endpoints: [{lb_endpoints: [` +
			endpoint(secretPort, "metadata: {filter_metadata: {envoy.transport_socket_match: {tlsMode: istio}}}, ") + ", " + endpoint(openPort, "") + `]}]}}`}), port)
	seen := map[string]bool{}
	for range 12 {
		response, body := fetchBy(t, h1.client(t), url(port, "/"))
		expect(t, "status", response.StatusCode, 200)
		seen[body] = true
	}
	expect(t, "transports", len(seen), 2)
}

func TestErrorsInTransportSocketsNameTheField(t *testing.T) {
	ca := newAuthority(t, "root")
	one, two := ca.issue("one"), ca.issue("two")
	mixed := &identity{chain: one.chain, key: two.key}
	direct := []string{"{match: {prefix: /}, direct_response: {status: 200}}"}
	for config, want := range map[string]string{
		withSocket(httpConfig(10001, direct, nil), downstreamSocket(common(mixed, nil, ""), "")):                                                                                             "filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificates[0]",
		withSocket(httpConfig(10001, direct, nil), "transport_socket: {name: envoy.transport_sockets.tls}"):                                                                                  "filter_chains[0].transport_socket.typed_config",
		withSocket(httpConfig(10001, direct, nil), `transport_socket: {name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext}}`): "DownstreamTlsContext",
		httpConfig(10001, direct, []string{staticCluster("site", "transport_socket_matches: [{name: clear, match: {}}], ", "127.0.0.1:1")}):                                                  "transport_socket_matches[0].transport_socket: found none",
		httpConfig(10001, direct, []string{staticCluster("site", autoConfig, "127.0.0.1:1")}):                                                                                                "auto_config",
		httpConfig(10001, direct, []string{staticCluster("site", upstreamSocket("{tls_params: {cipher_suites: [NO-SUCH]}}", ""), "127.0.0.1:1")}):                                            "clusters[0].transport_socket.typed_config.common_tls_context.tls_params.cipher_suites[0]",
	} {
		file := filepath.Join(t.TempDir(), "bootstrap.yaml")
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
		output, err := exec.Command(binary(t), "-c", file, "--mode", "validate").CombinedOutput()
		if err == nil || !strings.Contains(string(output), want) {
			t.Errorf("expected %s: %s", want, output)
		}
	}
}

// Secrets of the bootstrap, by name, for a listener and for a cluster.
func TestStaticSecretsByName(t *testing.T) {
	ca := newAuthority(t, "root")
	site := h2.tlsBackend(t, &tls.Config{Certificates: []tls.Certificate{ca.issue("site").Certificate}, ClientCAs: ca.pool,
		ClientAuth: tls.RequireAndVerifyClientCert}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS.PeerCertificates[0].URIs[0])
	})
	edge, client := ca.issue("edge"), ca.issue("client")
	secrets := func(names ...string) string {
		own := func(name string, id *identity) string {
			return fmt.Sprintf("{name: %s, tls_certificate: {certificate_chain: {filename: %q}, private_key: {filename: %q}}}", name, id.chain, id.key)
		}
		return fmt.Sprintf("static_resources:\n  secrets: [%s, %s, {name: roots, validation_context: {trusted_ca: {filename: %q}}}]",
			own(names[0], edge), own(names[1], client), ca.ca)
	}
	config := func(port int, names ...string) string {
		return strings.Replace(withSocket(httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"}, []string{staticCluster("site",
			autoConfig+upstreamSocket("{tls_certificate_sds_secret_configs: [{name: client}], combined_validation_context: {validation_context_sds_secret_config: "+
				"{name: roots}, default_validation_context: {match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: spiffe://mesh/site}}]}}}", ""), site)}),
			downstreamSocket("{tls_certificate_sds_secret_configs: [{name: edge}], validation_context_sds_secret_config: {name: roots}}", ", require_client_certificate: true")),
			"static_resources:", secrets(names...), 1)
	}
	port := freePort(t)
	start(t, config(port, "edge", "client"), port)
	visitor := h1.tlsClient(t, &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{ca.issue("visitor").Certificate}})
	_, body := fetchBy(t, visitor, https(port, "/"))
	expect(t, "who came", body, "spiffe://mesh/client")
	for want, names := range map[string][]string{
		`static_resources.secrets[1].name: found "edge" again`:                                                                           {"edge", "edge"},
		`transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name: found "client", expected a secret`: {"edge", "other"},
	} {
		file := filepath.Join(t.TempDir(), "bootstrap.yaml")
		if err := os.WriteFile(file, []byte(config(port, names...)), 0o644); err != nil {
			t.Fatal(err)
		}
		output, err := exec.Command(binary(t), "-c", file, "--mode", "validate").CombinedOutput()
		if err == nil || !strings.Contains(string(output), want) {
			t.Errorf("expected %s: %s", want, output)
		}
	}
}

// With tls_inspector the ClientHello has been read before TLS begins.
func TestFilterChainsByServerNameHaveTheirCertificates(t *testing.T) {
	ca := newAuthority(t, "root")
	port, admin := freePort(t), freePort(t)
	named := func(name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.DNSNames = []string{name} }
	}
	chain := func(name, match string) string {
		socket := downstreamSocket(common(ca.issue(name, named(name+".test")), nil, ""), "")
		return fmt.Sprintf(`    - %sfilters: [{name: hcm, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: %s, `+
			`route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: %s}}}]}]}, `+
			`http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}]
      %s
`, match, name, name, socket)
	}
	start(t, withAdmin(admin, fmt.Sprintf(`static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]
    filter_chains:
%s%s`, port, chain("one", "filter_chain_match: {server_names: [one.test]}\n      "), chain("two", "filter_chain_match: {server_names: [two.test]}\n      "))), port, admin)
	for _, name := range []string{"one", "two", "one"} {
		_, body := fetchBy(t, h1.tlsClient(t, &tls.Config{RootCAs: ca.pool, ServerName: name + ".test"}), https(port, "/"))
		expect(t, "chain", body, name)
	}
	if _, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{RootCAs: ca.pool, ServerName: "three.test"}); err == nil {
		t.Error("no chain is for three.test")
	}
	expect(t, "handshakes", counterOf(t, admin, fmt.Sprintf("listener.127.0.0.1_%d.ssl.handshake", port)), "3")
}

func TestTheConfigurationForTLSRuns(t *testing.T) {
	site := backend(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Client-Cert"))
	})
	_, sitePort, _ := net.SplitHostPort(site)
	edge, inside := freePort(t), freePort(t)
	text := configText(t, "tls.yaml")
	for from, to := range map[string]string{"10000}": fmt.Sprint(edge, "}"), "10001}": fmt.Sprint(inside, "}"), "9001}": sitePort + "}"} {
		text = strings.ReplaceAll(text, "port_value: "+from, "port_value: "+to)
	}
	m := start(t, text, edge, inside)
	for _, v := range []version{h1, h2} {
		_, body := fetchBy(t, v.tlsClient(t, &tls.Config{InsecureSkipVerify: true}), https(edge, "/"))
		if !strings.HasPrefix(body, "https By=spiffe://example.test/ns/default/sa/example;Hash=") {
			t.Errorf("%q", body)
		}
	}
	eventually(t, func() string {
		for _, line := range []string{"GET / HTTP/1.1 TLSv1.3 200 upstream spiffe://", "GET / HTTP/2 TLSv1.3 200 upstream spiffe://"} {
			if !strings.Contains(m.output.String(), line) {
				return m.output.String()
			}
		}
		return ""
	})
}

func TestOpenSSLSpeaksToMoe(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	ca := newAuthority(t, "root")
	client := ca.issue("client")
	port := freePort(t)
	start(t, withSocket(httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}"}, nil),
		downstreamSocket(common(ca.issue("edge"), ca, ""), ", require_client_certificate: true")), port)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		command := exec.Command(openssl, "s_client", "-connect", fmt.Sprintf("127.0.0.1:%d", port), version, "-quiet", "-verify_return_error", "-CAfile", ca.ca,
			"-cert", client.chain, "-key", client.key)
		command.Stdin = strings.NewReader("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		output, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(output), "200 OK") || !strings.HasSuffix(strings.TrimSpace(string(output)), "hello") {
			t.Errorf("%s: %v\n%s", version, err, output)
		}
	}
}
