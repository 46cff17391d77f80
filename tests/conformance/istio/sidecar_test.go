package istio

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secretservice "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"
)

const deadline = 60 * time.Second

// sidecar is moe with the agent's part around it.
type sidecar struct {
	t      *testing.T
	admin  string // path of a socket: an address of a network namespace would be another one's
	output *locked
}

type locked struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// startSidecar waits until it serves what it has taken. It runs in the network of the calling thread.
func startSidecar(t *testing.T, control, apiType string) *sidecar {
	t.Helper()
	program := os.Getenv("MOE_BIN")
	if program == "" {
		t.Skip("MOE_BIN does not name the moe binary")
	}
	folder := t.TempDir()
	startAgent(t, filepath.Join(folder, "sds.sock"))
	s := &sidecar{t: t, admin: filepath.Join(folder, "admin.sock"), output: &locked{}}
	file := filepath.Join(folder, "bootstrap.yaml")
	if err := os.WriteFile(file, []byte(bootstrap(control, s.admin, apiType)), 0o644); err != nil {
		t.Fatal(err)
	}
	moe := exec.Command(program, "-c", file, "--concurrency", "1", "-l", "info", "--disable-hot-restart")
	moe.Dir = folder // the agent's socket has a relative path
	moe.Stdout, moe.Stderr = s.output, s.output
	if err := moe.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = moe.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(deadline, func() { _ = moe.Process.Kill() })
		if err := moe.Wait(); err != nil {
			t.Errorf("moe ended with %v:\n%s", err, s.output)
		}
	})
	for until := time.Now().Add(deadline); s.get("/ready") != "LIVE\n"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("moe is not ready:\n%s", s.output)
		}
	}
	return s
}

// get is "" while nobody answers.
func (s *sidecar) get(path string) string {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", s.admin) }}}
	response, err := client.Get("http://admin" + path)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

// bootstrap is what a sidecar needs to ask, as pilot-agent has it.
func bootstrap(control, admin, apiType string) string {
	host, port, _ := net.SplitHostPort(control)
	const http2 = `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http2_protocol_options: {}}}}`
	return fmt.Sprintf(`
node:
  id: sidecar~10.0.0.1~app.default~default.svc.cluster.local
  cluster: app.default
  metadata: {NAMESPACE: default, LABELS: {app: app}, ISTIO_VERSION: 1.31.0, CLUSTER_ID: Kubernetes, INTERCEPTION_MODE: REDIRECT, SERVICE_ACCOUNT: default}
admin: {address: {pipe: {path: %q}}}
dynamic_resources:
  ads_config: {api_type: %s, transport_api_version: V3, set_node_on_first_message_only: true, grpc_services: [{envoy_grpc: {cluster_name: xds-grpc}}]}
  cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
  lds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
static_resources:
  clusters:
  - {name: xds-grpc, type: STATIC, connect_timeout: 1s, %s, load_assignment: {cluster_name: xds-grpc, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]}}
  - {name: sds-grpc, type: STATIC, connect_timeout: 1s, %s, load_assignment: {cluster_name: sds-grpc, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: sds.sock}}}}]}]}}
`, admin, apiType, http2, host, port, http2)
}

// agent answers for secrets as pilot-agent does: StreamSecrets only, a certificate and the roots.
type agent struct {
	secretservice.UnimplementedSecretDiscoveryServiceServer
	secrets map[string]*anypb.Any
}

func startAgent(t *testing.T, path string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	secretservice.RegisterSecretDiscoveryServiceServer(server, &agent{secrets: secrets(t)})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}

func (a *agent) StreamSecrets(stream secretservice.SecretDiscoveryService_StreamSecretsServer) error {
	var told []string
	for version := 1; ; {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		names := slices.Sorted(slices.Values(request.ResourceNames))
		if slices.Equal(names, told) {
			continue // an answer to what was sent
		}
		told = names
		response := &discovery.DiscoveryResponse{TypeUrl: request.TypeUrl, VersionInfo: strconv.Itoa(version), Nonce: strconv.Itoa(version)}
		for _, name := range names {
			if secret, ok := a.secrets[name]; ok {
				response.Resources = append(response.Resources, secret)
			}
		}
		version++
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func secrets(t *testing.T) map[string]*anypb.Any {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	uri, _ := url.Parse("spiffe://cluster.local/ns/default/sa/default")
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), URIs: []*url.URL{uri}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDer, _ := x509.MarshalPKCS8PrivateKey(key)
	inline := func(kind string, der []byte) *core.DataSource {
		return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})}}
	}
	out := map[string]*anypb.Any{}
	for _, secret := range []*tlsv3.Secret{
		{Name: "default", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inline("CERTIFICATE", der), PrivateKey: inline("PRIVATE KEY", keyDer)}}},
		{Name: "ROOTCA", Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: inline("CERTIFICATE", der)}}},
	} {
		if out[secret.Name], err = anypb.New(secret); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// inNamespace moves the calling goroutine, and what it starts, to a network of its own in which commands have run; it
// skips the test where that is not possible.
func inNamespace(t *testing.T, commands ...string) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Skip("cannot make a network namespace: ", err)
	}
	for _, command := range append([]string{"ip link set lo up"}, commands...) {
		if output, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Skipf("%s: %v: %s", command, err, output)
		}
	}
}
