package integration

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/moeproxy/moe/tests/integration/controlplane"
	"google.golang.org/protobuf/proto"
)

// Two proxies speak mutual TLS by SPIFFE identities from SDS on a UNIX socket. The certificates and the roots change
// every second, and everything else comes anew, and different, ten times as often; no request notices. Seconds, or two
// minutes with MOE_LONG.
func TestRotationAndPushesUnderLoad(t *testing.T) {
	t.Parallel()
	w := way{ads: true, delta: true, program: binary(t)}
	for _, w := range []way{w, {ads: true, program: w.program}} {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			rotate(t, w)
		})
	}
}

func rotate(t *testing.T, w way) {
	lasts := 4 * time.Second
	if os.Getenv("MOE_LONG") != "" {
		lasts = 2 * time.Minute
	}
	site := namedBackend(t, "site")
	agent := startPlane(t, controlplane.Options{Network: "unix", Address: filepath.Join(t.TempDir(), "sds.sock")})
	secrets := newRotation(t, agent)
	secrets.turn()

	inner, outer := startPlane(t, controlplane.Options{}), startPlane(t, controlplane.Options{})
	port, meshPort := freePort(t), freePort(t)
	push := func(n int) {
		put(t, inner, w.edsCluster("site", breakers(n)), weighted("site", site.address, n), answering(routeTable("in", "site"), n),
			withChainSocket(meshListener("mesh", meshPort, w.rds("in"), n), downstreamSocket(secrets.common("inner", "outer", "alpn_protocols: [h2, http/1.1], "), ", require_client_certificate: true")))
		peer := fmt.Sprintf("127.0.0.1:%d", meshPort)
		to := func(name, protocols string) string {
			return w.edsCluster(name, breakers(n)+protocols+upstreamSocket(secrets.common("outer", "inner", ""), ""))
		}
		put(t, outer, to("one", ""), to("two", http2Upstream), weighted("one", peer, n), weighted("two", peer, n),
			answering(routeTable("out", "one", "two"), n), meshListener("web", port, w.rds("out"), n))
	}
	push(0)
	sds := fmt.Sprintf("{name: sds, type: STATIC, connect_timeout: 5s, %sload_assignment: {cluster_name: sds, endpoints: "+
		"[{lb_endpoints: [{endpoint: {address: {pipe: {path: %q}}}}]}]}}", http2Upstream, agent.Addr().String())
	far := startDynamic(t, inner, dynamicProxy{way: w, clusters: []string{sds}, top: "enable_dispatcher_stats: true"}, meshPort)
	near := startDynamic(t, outer, dynamicProxy{way: w, clusters: []string{sds}, top: "enable_dispatcher_stats: true"}, port)
	near.answers(port, "/", 200, "site")
	near.answers(port, "/two", 200, "site")

	load := startSteady(t, port)
	began, pushes := time.Now(), 0
	var early, late [2]int
	turned := began
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < lasts {
		<-tick.C
		pushes++
		push(pushes)
		if time.Since(turned) >= time.Second {
			turned = turned.Add(time.Second)
			secrets.turn()
		}
		if memory := [2]int{residentKiB(t, near.cmd.Process.Pid, "VmRSS"), residentKiB(t, far.cmd.Process.Pid, "VmRSS")}; time.Since(began) < lasts/4 {
			early = memory
		} else {
			late = memory
		}
	}
	load.stop()
	for _, p := range []*proxied{near, far} {
		for _, name := range []string{"cluster_manager.cds.update_rejected", "listener_manager.lds.update_rejected"} {
			p.stat(name, "0")
		}
	}
	t.Logf("%d requests, %d pushes, %d rotations; KiB resident after a quarter %d, at the end %d; %s", load.requests.Load(), pushes, secrets.turns, early, late, load.times())
	for _, p := range []*proxied{near, far} {
		for line := range strings.Lines(adminAsk(t, http.DefaultClient, http.MethodGet, url(p.admin, "/stats?filter=loop_")).body) {
			t.Log(strings.TrimSpace(line))
		}
	}
	t.Logf("connections: near %s, far %s", counterOf(t, near.admin, "cluster.one.upstream_cx_total"), counterOf(t, far.admin, "http.web.downstream_cx_total"))
	if rotations := counterOf(t, near.admin, "cluster.one.client_ssl_socket_factory.ssl_context_update_by_sds"); rotations == "0" || rotations == "" {
		t.Errorf("no secret came to the cluster: %q", rotations)
	}
	if preset := os.Getenv("MOE_PRESET"); preset == "release" || preset == "" {
		for i, before := range early {
			if late[i] > before+before/5+4096 {
				t.Errorf("memory grows from %d to %d KiB", before, late[i])
			}
		}
	}
}

// rotation is what an agent hands out: identities that last a second, and the roots of theirs and the next.
type rotation struct {
	t     *testing.T
	agent *controlplane.Server
	roots []*authority
	turns int
}

func newRotation(t *testing.T, agent *controlplane.Server) *rotation {
	return &rotation{t: t, agent: agent, roots: []*authority{newAuthority(t, "root 0")}}
}

// turn issues new certificates, by roots that everybody knows by now, and says the roots of the next.
func (r *rotation) turn() {
	r.t.Helper()
	r.turns++
	by := r.roots[len(r.roots)-1]
	resources := []proto.Message{r.identity(by, "inner"), r.identity(by, "outer")}
	if r.turns%2 == 0 { // a root serves two turns, and is known one before and one after
		r.roots = append(r.roots, newAuthority(r.t, fmt.Sprintf("root %d", r.turns)))
		r.roots = r.roots[max(0, len(r.roots)-3):]
	}
	var bundle strings.Builder
	for _, root := range r.roots {
		bundle.Write(r.read(root.ca))
	}
	resources = append(resources, &tlsv3.Secret{Name: "ROOTCA", Type: &tlsv3.Secret_ValidationContext{
		ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: inlineBytes([]byte(bundle.String()))}}})
	if err := r.agent.Put(resources...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rotation) identity(by *authority, name string) *tlsv3.Secret {
	of := by.issue(name)
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: inlineBytes(r.read(of.chain)), PrivateKey: inlineBytes(r.read(of.key))}}}
}

func (r *rotation) read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func inlineBytes(text []byte) *core.DataSource {
	return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: text}}
}

// common is a CommonTlsContext: who one is, and whom one speaks to; more is further fields.
func (r *rotation) common(own, peer, more string) string {
	const source = "sds_config: {resource_api_version: V3, api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: sds}}]}}"
	return fmt.Sprintf("{%stls_certificate_sds_secret_configs: [{name: %s, %s}], combined_validation_context: {"+
		"default_validation_context: {match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: spiffe://mesh/%s}}]}, "+
		"validation_context_sds_secret_config: {name: ROOTCA, %s}}}", more, own, source, peer, source)
}

// What differs from push to push, of each kind.

func breakers(n int) string {
	return fmt.Sprintf("circuit_breakers: {thresholds: [{max_connections: %d}]}, ", 1000+n%7)
}

func weighted(cluster, address string, n int) string {
	return strings.Replace(endpoints(cluster, address), "{endpoint: ", fmt.Sprintf("{load_balancing_weight: %d, endpoint: ", n%5+1), 1)
}

func answering(table string, n int) string {
	return strings.Replace(table, "virtual_hosts:", fmt.Sprintf("response_headers_to_add: [{header: {key: x-push, value: '%d'}}], virtual_hosts:", n), 1)
}

func meshListener(name string, port int, routes string, n int) string {
	return listener(name, port, hcm(fmt.Sprintf("server_name: moe-%d, %s", n%3, routes)))
}

func withChainSocket(listener, socket string) string {
	return strings.Replace(listener, "filter_chains: [{", "filter_chains: [{"+socket+", ", 1)
}

// steady is clients in both versions, over clusters of both, that keep the times of their requests.
type steady struct {
	t        *testing.T
	done     chan struct{}
	group    sync.WaitGroup
	requests atomic.Int64
	mutex    sync.Mutex
	took     []time.Duration
	failures []string
}

func startSteady(t *testing.T, port int) *steady {
	s := &steady{t: t, done: make(chan struct{})}
	for _, v := range []version{h1, h2} {
		client := v.client(t)
		for _, path := range []string{"/", "/two"} {
			for range 2 {
				s.group.Add(1)
				go s.ask(client, string(v), url(port, path))
			}
		}
	}
	t.Cleanup(s.end)
	return s
}

func (s *steady) ask(client *http.Client, what, target string) {
	defer s.group.Done()
	for {
		select {
		case <-s.done:
			return
		default:
		}
		began := time.Now()
		failure := ""
		if response, err := client.Get(target); err != nil {
			failure = err.Error()
		} else {
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != 200 || string(body) != "site" {
				failure = fmt.Sprintf("%d %q %v", response.StatusCode, body, err)
			}
		}
		s.requests.Add(1)
		s.mutex.Lock()
		s.took = append(s.took, time.Since(began))
		if failure != "" {
			s.failures = append(s.failures, what+" "+target+": "+failure)
		}
		s.mutex.Unlock()
		time.Sleep(time.Millisecond) // the machine is for the pushes, too
	}
}

func (s *steady) end() {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	s.group.Wait()
}

func (s *steady) stop() {
	s.t.Helper()
	s.end()
	if len(s.failures) > 0 {
		s.t.Errorf("%d of %d requests failed:\n%s", len(s.failures), s.requests.Load(), strings.Join(s.failures[:min(5, len(s.failures))], "\n"))
	}
}

// times is a histogram: how many requests took up to so many milliseconds.
func (s *steady) times() string {
	slices.Sort(s.took)
	var out strings.Builder
	for _, bound := range []time.Duration{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 20000} {
		n, _ := slices.BinarySearch(s.took, bound*time.Millisecond)
		fmt.Fprintf(&out, "%dms:%d ", bound, n)
		if n == len(s.took) {
			break
		}
	}
	return out.String()
}
