// Package istio runs moe as a sidecar of Istio's own generator, which needs no Kubernetes. It is a module of its own,
// since it takes minutes to build: cd tests/conformance/istio && MOE_BIN=... go test ./...
package istio

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"istio.io/istio/pilot/test/xds"
)

const deadline = 60 * time.Second

// serve is Istio's control plane for testdata/config.yaml: ADS in clear text, state of the world and incremental.
func serve(t *testing.T) string {
	t.Helper()
	config, err := os.ReadFile("testdata/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	xds.NewFakeDiscoveryServer(t, xds.FakeOptions{ConfigString: string(config),
		ListenerBuilder: func() (net.Listener, error) { return listener, nil }})
	return listener.Addr().String()
}

// bootstrap is what a sidecar needs to ask, as pilot-agent has it.
func bootstrap(control string, admin int, apiType string) string {
	host, port, _ := net.SplitHostPort(control)
	return fmt.Sprintf(`
node:
  id: sidecar~10.0.0.1~app.default~default.svc.cluster.local
  cluster: app.default
  metadata: {NAMESPACE: default, LABELS: {app: app}, ISTIO_VERSION: 1.31.0, CLUSTER_ID: Kubernetes, INTERCEPTION_MODE: REDIRECT, SERVICE_ACCOUNT: default}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
dynamic_resources:
  ads_config: {api_type: %s, transport_api_version: V3, set_node_on_first_message_only: true, grpc_services: [{envoy_grpc: {cluster_name: xds-grpc}}]}
  cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
  lds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
static_resources:
  clusters:
  - name: xds-grpc
    type: STATIC
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: xds-grpc
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]
`, admin, apiType, host, port)
}

// Istio's clusters, listeners and routes are taken, and nothing is refused.
func TestASidecarTakesWhatIstioSends(t *testing.T) {
	program := os.Getenv("MOE_BIN")
	if program == "" {
		t.Skip("MOE_BIN does not name the moe binary")
	}
	for _, apiType := range []string{"DELTA_GRPC", "GRPC"} {
		t.Run(apiType, func(t *testing.T) {
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			admin := free.Addr().(*net.TCPAddr).Port
			free.Close()
			file, log := filepath.Join(t.TempDir(), "bootstrap.yaml"), filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(file, []byte(bootstrap(serve(t), admin, apiType)), 0o644); err != nil {
				t.Fatal(err)
			}
			output, err := os.Create(log)
			if err != nil {
				t.Fatal(err)
			}
			defer output.Close()
			moe := exec.Command(program, "-c", file, "--concurrency", "1", "-l", "info", "--disable-hot-restart")
			moe.Stdout, moe.Stderr = output, output
			if err := moe.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = moe.Process.Kill()
				_ = moe.Wait()
			}()
			expect := map[string]func(string) bool{
				"cluster_manager.cds.update_success":   func(value string) bool { return value != "0" },
				"cluster_manager.cds.update_rejected":  func(value string) bool { return value == "0" },
				"listener_manager.lds.update_success":  func(value string) bool { return value != "0" },
				"listener_manager.lds.update_rejected": func(value string) bool { return value == "0" },
			}
			for until := time.Now().Add(deadline); ; time.Sleep(100 * time.Millisecond) {
				found, missing := stats(admin), []string{}
				for name, is := range expect {
					if value, ok := found[name]; !ok || !is(value) {
						missing = append(missing, name+": "+value)
					}
				}
				if len(missing) == 0 {
					return
				}
				if time.Now().After(until) {
					text, _ := os.ReadFile(log)
					t.Fatalf("%v\n%s", missing, text)
				}
			}
		})
	}
}

func stats(admin int) map[string]string {
	out := map[string]string{}
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/stats", admin))
	if err != nil {
		return out
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			out[name] = value
		}
	}
	return out
}
