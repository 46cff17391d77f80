// Package istio runs moe as a sidecar of Istio's own generator, which needs no Kubernetes. It is a module of its own,
// since it takes minutes to build: cd tests/conformance/istio && MOE_BIN=... go test ./...
package istio

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"istio.io/istio/pilot/test/xds"
)

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

// refusals is what moe refuses of testdata/config.yaml, and the one thing that each misses. It is to become empty.
var refusals = map[string]string{
	"cluster outbound|9080||reviews.default.svc.cluster.local":   "lb_policy: found RING_HASH",
	"cluster outbound|9080|v1|reviews.default.svc.cluster.local": "lb_policy: found RING_HASH",
	"cluster outbound|9080|v2|reviews.default.svc.cluster.local": "lb_policy: found RING_HASH",
	"listener 0.0.0.0_8080":   "istio.http.peer_metadata",
	"listener 0.0.0.0_9080":   "istio.http.peer_metadata",
	"listener virtualInbound": "envoy.extensions.filters.http.rbac.v3.RBAC.rules",
}

// Each of Istio's resources is taken, or refused by the name of what is missing; nothing is left out.
func TestASidecarTakesWhatIstioSends(t *testing.T) {
	for _, apiType := range []string{"DELTA_GRPC", "GRPC"} {
		t.Run(apiType, func(t *testing.T) {
			s := startSidecar(t, serve(t), apiType)
			found := s.resources()
			for name, refusal := range found {
				if expected := refusals[name]; refusal != expected && (expected == "" || !strings.Contains(refusal, expected)) {
					t.Errorf("%s: refused by %q, expected %q", name, refusal, expected)
				}
			}
			for name := range refusals {
				if _, ok := found[name]; !ok {
					t.Errorf("%s: neither taken nor refused", name)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(found)) {
				refusal := found[name]
				if refusal == "" {
					refusal = "taken"
				}
				t.Logf("%s: %s", name, refusal)
			}
			if t.Failed() {
				t.Log(s.output)
			}
		})
	}
}

// resources is every resource that came, and why it was refused.
func (s *sidecar) resources() map[string]string {
	s.t.Helper()
	var dump struct {
		Configs []map[string]any `json:"configs"`
	}
	if err := json.Unmarshal([]byte(s.get("/config_dump?include_eds")), &dump); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for _, config := range dump.Configs {
		for key, value := range config {
			kind, ok := map[string]string{"dynamic_active_clusters": "cluster", "dynamic_warming_clusters": "cluster", "dynamic_listeners": "listener",
				"dynamic_route_configs": "routes", "dynamic_endpoint_configs": "endpoints"}[key]
			items, _ := value.([]any)
			for _, item := range items {
				if ok {
					of := item.(map[string]any)
					state, _ := of["error_state"].(map[string]any)
					details, _ := state["details"].(string)
					out[kind+" "+nameIn(of)] = details
				}
			}
		}
	}
	return out
}

// nameIn is the first name in a section's entry.
func nameIn(of map[string]any) string {
	for _, key := range []string{"name", "cluster_name"} {
		if name, ok := of[key].(string); ok {
			return name
		}
	}
	for _, value := range of {
		if inner, ok := value.(map[string]any); ok {
			if name := nameIn(inner); name != "" {
				return name
			}
		}
	}
	return ""
}

// What a client sends to an address of a service comes, redirected, to port 15001, and goes on to the endpoint that
// Istio has for it. It runs as root, in a network of its own.
func TestInterceptedHTTPReachesIstiosEndpoint(t *testing.T) {
	inNamespace(t, "ip route add local 240.0.0.0/24 dev lo", "iptables -t nat -A OUTPUT -p tcp -d 240.0.0.0/24 -j REDIRECT --to-ports 15001")
	control := serve(t) // its socket belongs to this network, whoever uses it
	endpoint, err := net.Listen("tcp", "127.0.0.1:18030")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endpoint.Close() })
	go func() {
		_ = http.Serve(endpoint, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", r.Host, r.URL.Path) }))
	}()
	startSidecar(t, control, "DELTA_GRPC")
	connection, err := net.Dial("tcp", "240.0.0.11:3306") // of this thread's network
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "GET /path HTTP/1.1\r\nHost: mysql.default.svc.cluster.local\r\nConnection: close\r\n\r\n")
	var answer strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := connection.Read(buffer)
		answer.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	if !strings.HasSuffix(answer.String(), "mysql.default.svc.cluster.local /path") {
		t.Errorf("found %q", answer.String())
	}
}
